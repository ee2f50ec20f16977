"""People become known, by events and by their own tokens; their devices come and go."""

from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction

from . import store
from .domain import DeviceKind, Locale, Recipient, Subscription, check_token


async def learn_profile(transaction: Transaction, person_id: UUID, *, name: str, locale: Locale, sequence: int) -> None:
    await store.note_profile(transaction, person_id, name=name, locale=locale, sequence=sequence)


async def learn_contact(
    transaction: Transaction,
    person_id: UUID,
    *,
    name: str,
    locale: Locale,
    email: str | None,
    phone: str | None,
    sequence: int,
) -> None:
    """Both halves are guarded each by its own sequence, because the public event with the profile may come later."""
    await store.note_profile(transaction, person_id, name=name, locale=locale, sequence=sequence)
    await store.note_contact(transaction, person_id, locale=locale, email=email, phone=phone, sequence=sequence)


async def forget(transaction: Transaction, person_id: UUID, *, sequence: int) -> None:
    """A customer is erased: name, contact and devices are gone, and what is on its way finds nobody."""
    await store.forget(transaction, person_id, sequence=sequence)


async def introduce(transaction: Transaction, caller: Caller) -> Recipient:
    """A person says who they are with their token: the way for staff, who never order."""
    person = _person(caller)
    await store.note_self(transaction, person)
    return person


async def know(transaction: Transaction, caller: Caller) -> None:
    """Somebody of whom nothing is known yet is as their token says."""
    await store.note_self(transaction, _person(caller), only_if_unknown=True)


async def register_device(transaction: Transaction, caller: Caller, token: str, kind: DeviceKind) -> None:
    """The app on this device takes the caller's messages from now on, and nobody else's.

    Raises:
        BadDeviceTokenError
    """
    check_token(token, kind)
    await store.note_self(transaction, _person(caller), only_if_unknown=True)
    await store.register(transaction, caller.id, token, kind)


async def subscribe_browser(
    transaction: Transaction, caller: Caller, subscription: Subscription, *, allow_http: bool
) -> None:
    """This browser takes the caller's messages from now on, and nobody else's.

    Raises:
        BadPushSubscriptionError
    """
    subscription.checked(allow_http=allow_http)
    await store.note_self(transaction, _person(caller), only_if_unknown=True)
    await store.subscribe(transaction, caller.id, subscription)


async def unregister_device(transaction: Transaction, caller: Caller, token: str) -> None:
    """No more messages there. Another person's device stays as it is."""
    await store.unregister(transaction, caller.id, token)


def _person(caller: Caller) -> Recipient:
    return Recipient(
        id=caller.id,
        name=caller.name,
        locale=caller.locale,
        email=caller.email,
        phone=caller.phone,
        roles=tuple(sorted(caller.roles)),
    )
