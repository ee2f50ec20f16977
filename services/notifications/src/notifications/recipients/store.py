from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import insert

from .domain import MOST_DEVICES, Device, DeviceKind, Locale, Recipient, Subscription
from .tables import devices, recipients

_FIND = sa.select(recipients).where(recipients.c.person_id == sa.bindparam("person"))
_ROLES = sa.select(recipients.c.person_id, recipients.c.roles).where(
    recipients.c.person_id.in_(sa.bindparam("persons", expanding=True))
)
_DEVICES = (
    sa.select(devices.c.id, devices.c.token, devices.c.kind, devices.c.p256dh, devices.c.auth, devices.c.registered_at)
    .where(devices.c.person_id == sa.bindparam("person"))
    .order_by(devices.c.registered_at, devices.c.id)
)

_new = insert(recipients)
_PROFILE = _new.on_conflict_do_update(
    index_elements=["person_id"],
    set_={
        "name": _new.excluded.name,
        "locale": _new.excluded.locale,
        "profile_sequence": _new.excluded.profile_sequence,
    },
    where=recipients.c.profile_sequence < _new.excluded.profile_sequence,
)
_CONTACT = _new.on_conflict_do_update(
    index_elements=["person_id"],
    set_={
        "email": _new.excluded.email,
        "phone": _new.excluded.phone,
        "contact_sequence": _new.excluded.contact_sequence,
    },
    where=recipients.c.contact_sequence < _new.excluded.contact_sequence,
)
_SELF = _new.on_conflict_do_update(
    index_elements=["person_id"],
    set_={
        "name": _new.excluded.name,
        "locale": _new.excluded.locale,
        "email": _new.excluded.email,
        "phone": _new.excluded.phone,
        "roles": _new.excluded.roles,
    },
)
_SELF_IF_NEW = _new.on_conflict_do_update(index_elements=["person_id"], set_={"roles": _new.excluded.roles})

_new_device = insert(devices)
# A token belongs to an installation; whoever signs in there last gets its messages.
_REGISTER = _new_device.on_conflict_do_update(
    index_elements=["token"],
    set_={
        # Another person's device is another device: messages that await the former one do not go to it.
        "id": sa.case(
            (devices.c.person_id == _new_device.excluded.person_id, devices.c.id), else_=_new_device.excluded.id
        ),
        "person_id": _new_device.excluded.person_id,
        **{name: _new_device.excluded[name] for name in ("registered_at", "kind", "p256dh", "auth")},
    },
)
_KEEP_NEWEST = sa.delete(devices).where(
    devices.c.id.in_(
        sa.select(devices.c.id)
        .where(devices.c.person_id == sa.bindparam("person"))
        .order_by(devices.c.registered_at.desc(), devices.c.id.desc())
        .offset(MOST_DEVICES)
        .scalar_subquery()
    )
)
_UNREGISTER = sa.delete(devices).where(
    devices.c.token == sa.bindparam("of_token"), devices.c.person_id == sa.bindparam("of_person")
)
_FORGET = _new.on_conflict_do_update(
    index_elements=["person_id"],
    set_={
        "name": "",
        "email": None,
        "phone": None,
        "profile_sequence": _new.excluded.profile_sequence,
        "contact_sequence": _new.excluded.contact_sequence,
    },
)
_FORGET_DEVICES = sa.delete(devices).where(devices.c.person_id == sa.bindparam("of_person"))
_REMOVE = sa.delete(devices).where(devices.c.id.in_(sa.bindparam("ids", expanding=True)))


async def recipient(transaction: Transaction, person_id: UUID) -> Recipient | None:
    row = await transaction.one_or_none(_FIND, {"person": person_id})
    if row is None:
        return None
    return Recipient(
        id=row["person_id"],
        name=row["name"],
        locale=row["locale"],
        email=row["email"],
        phone=row["phone"],
        roles=tuple(row["roles"]),
    )


async def roles_of(transaction: Transaction, person_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """The roles of those of these people who are known."""
    if not person_ids:
        return {}
    rows = await transaction.all(_ROLES, {"persons": list(person_ids)})
    return {row["person_id"]: frozenset(row["roles"]) for row in rows}


async def note_profile(transaction: Transaction, person_id: UUID, *, name: str, locale: Locale, sequence: int) -> None:
    """Keep name and locale unless newer ones are known."""
    await transaction.execute(
        _PROFILE,
        {
            "person_id": person_id,
            "name": name,
            "locale": locale,
            "email": None,
            "phone": None,
            "profile_sequence": sequence,
            "contact_sequence": -1,
        },
    )


async def note_contact(
    transaction: Transaction, person_id: UUID, *, locale: Locale, email: str | None, phone: str | None, sequence: int
) -> None:
    """Keep email and phone unless newer ones are known."""
    await transaction.execute(
        _CONTACT,
        {
            "person_id": person_id,
            "name": "",
            "locale": locale,
            "email": email,
            "phone": phone,
            "profile_sequence": -1,
            "contact_sequence": sequence,
        },
    )


async def note_self(transaction: Transaction, person: Recipient, *, only_if_unknown: bool = False) -> None:
    """Keep what a person's own token says of them; with `only_if_unknown` of somebody known the roles only."""
    await transaction.execute(
        _SELF_IF_NEW if only_if_unknown else _SELF,
        {
            "person_id": person.id,
            "name": person.name,
            "locale": person.locale,
            "email": person.email,
            "phone": person.phone,
            "roles": list(person.roles),
            "profile_sequence": 0,
            "contact_sequence": 0,
        },
    )


async def devices_of(transaction: Transaction, person_id: UUID) -> list[Device]:
    return [
        Device(
            row["id"],
            row["token"],
            DeviceKind(row["kind"]),
            row["p256dh"] or "",
            row["auth"] or "",
            row["registered_at"],
        )
        for row in await transaction.all(_DEVICES, {"person": person_id})
    ]


async def register(transaction: Transaction, person_id: UUID, token: str, kind: DeviceKind) -> None:
    """An app."""
    await _register(transaction, person_id, token, kind)


async def subscribe(transaction: Transaction, person_id: UUID, subscription: Subscription) -> None:
    """A browser."""
    await _register(
        transaction,
        person_id,
        subscription.endpoint,
        DeviceKind.WEBPUSH,
        p256dh=subscription.p256dh,
        auth=subscription.auth,
    )


async def _register(
    transaction: Transaction,
    person_id: UUID,
    token: str,
    kind: DeviceKind,
    *,
    p256dh: str | None = None,
    auth: str | None = None,
) -> None:
    await transaction.execute(
        _REGISTER,
        {
            "id": new_id(),
            "token": token,
            "person_id": person_id,
            "registered_at": transaction.now,
            "kind": kind.value,
            "p256dh": p256dh,
            "auth": auth,
        },
    )
    await transaction.execute(_KEEP_NEWEST, {"person": person_id})


async def unregister(transaction: Transaction, person_id: UUID, token: str) -> None:
    await transaction.execute(_UNREGISTER, {"of_token": token, "of_person": person_id})


async def remove(transaction: Transaction, device_ids: list[UUID]) -> None:
    if device_ids:
        await transaction.execute(_REMOVE, {"ids": device_ids})


async def forget(transaction: Transaction, person_id: UUID, *, sequence: int) -> None:
    """Nothing is known of the person any more, and nothing older than `sequence` is learnt again."""
    await transaction.execute(
        _FORGET,
        {
            "person_id": person_id,
            "name": "",
            "locale": "ru",
            "email": None,
            "phone": None,
            "profile_sequence": sequence,
            "contact_sequence": sequence,
        },
    )
    await transaction.execute(_FORGET_DEVICES, {"of_person": person_id})
