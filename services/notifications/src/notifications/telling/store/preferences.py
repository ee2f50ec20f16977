from collections.abc import Iterable, Mapping
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from ..domain.audience import Said
from ..domain.preferences import QuietHours, Wish, Wishes
from ..domain.rules import Channel
from ..tables import preferences, quiet_hours, role_preferences, role_versions

_OWN = sa.select(preferences.c.template, preferences.c.channel, preferences.c.enabled).where(
    preferences.c.person_id == sa.bindparam("person")
)
# One role that wants it is enough.
_OF_ROLES = (
    sa.select(
        role_preferences.c.template,
        role_preferences.c.channel,
        sa.func.bool_or(role_preferences.c.enabled).label("enabled"),
    )
    .where(role_preferences.c.role.in_(sa.bindparam("roles", expanding=True)))
    .group_by(role_preferences.c.template, role_preferences.c.channel)
)
_OF_TEMPLATES = sa.select(role_preferences).where(
    role_preferences.c.template.in_(sa.bindparam("templates", expanding=True))
)
_VERSION = sa.select(role_versions.c.version).where(role_versions.c.role == sa.bindparam("role"))
_FIRST_VERSION = insert(role_versions).on_conflict_do_nothing()
_NEXT_VERSION = (
    sa.update(role_versions)
    .where(role_versions.c.role == sa.bindparam("of_role"))
    .values(version=role_versions.c.version + 1)
    .returning(role_versions.c.version)
)
_NEXT_VERSION_AFTER = _NEXT_VERSION.where(role_versions.c.version == sa.bindparam("of_version"))
_QUIET = sa.select(quiet_hours.c.starts, quiet_hours.c.ends, quiet_hours.c.time_zone).where(
    quiet_hours.c.person_id == sa.bindparam("person")
)
_FORGET_OWN = sa.delete(preferences).where(preferences.c.person_id == sa.bindparam("person"))
_FORGET_ROLE = sa.delete(role_preferences).where(role_preferences.c.role == sa.bindparam("role"))
_FORGET_QUIET = sa.delete(quiet_hours).where(quiet_hours.c.person_id == sa.bindparam("person"))
_ADD = insert(preferences)
_ADD_ROLE = insert(role_preferences)
_new_quiet = insert(quiet_hours)
_SET_QUIET = _new_quiet.on_conflict_do_update(
    index_elements=["person_id"],
    set_={name: _new_quiet.excluded[name] for name in ("starts", "ends", "time_zone")},
)


async def wishes(transaction: Transaction, person_id: UUID, roles: Iterable[str]) -> Wishes:
    of_roles = sorted(roles)
    quiet = await transaction.one_or_none(_QUIET, {"person": person_id})
    return Wishes(
        own=_by_wish(await transaction.all(_OWN, {"person": person_id})),
        of_roles=_by_wish(await transaction.all(_OF_ROLES, {"roles": of_roles})) if of_roles else {},
        quiet=QuietHours(**quiet) if quiet is not None else None,
    )


def _by_wish(rows: Iterable[sa.RowMapping]) -> dict[Wish, bool]:
    return {(row["template"], Channel(row["channel"])): row["enabled"] for row in rows}


async def of_role(transaction: Transaction, role: str) -> dict[Wish, bool]:
    return _by_wish(await transaction.all(_OF_ROLES, {"roles": [role]}))


async def of_templates(transaction: Transaction, templates: Iterable[str]) -> dict[str, dict[str, Said]]:
    """What was changed of lines of the table: template → role → channel → whether it is told by it."""
    found: dict[str, dict[str, dict[Channel, bool]]] = {}
    for row in await transaction.all(_OF_TEMPLATES, {"templates": list(templates)}):
        of_template = found.setdefault(row["template"], {})
        of_template.setdefault(row["role"], {})[Channel(row["channel"])] = row["enabled"]
    return {template: dict(said) for template, said in found.items()}


async def version_of_role(transaction: Transaction, role: str) -> int:
    row = await transaction.one_or_none(_VERSION, {"role": role})
    return int(row["version"]) if row is not None else 0


async def next_version(transaction: Transaction, role: str, *, after: int | None = None) -> int | None:
    """The role's next version, which is the caller's to fill; None when it is not at `after` any more."""
    await transaction.execute(_FIRST_VERSION, {"role": role, "version": 0})
    row = await (
        transaction.one_or_none(_NEXT_VERSION, {"of_role": role})
        if after is None
        else transaction.one_or_none(_NEXT_VERSION_AFTER, {"of_role": role, "of_version": after})
    )
    return int(row["version"]) if row is not None else None


async def set_own(transaction: Transaction, person_id: UUID, own: Mapping[Wish, bool]) -> None:
    """These are the person's wishes from now on, and no others."""
    await transaction.execute(_FORGET_OWN, {"person": person_id})
    rows = [{"person_id": person_id, **row} for row in _rows(own)]
    if rows:
        await transaction.execute(_ADD, rows)


async def set_of_role(transaction: Transaction, role: str, of_role: Mapping[Wish, bool]) -> None:
    await transaction.execute(_FORGET_ROLE, {"role": role})
    rows = [{"role": role, **row} for row in _rows(of_role)]
    if rows:
        await transaction.execute(_ADD_ROLE, rows)


def _rows(wishes: Mapping[Wish, bool]) -> list[dict[str, object]]:
    return [
        {"template": template, "channel": channel.value, "enabled": enabled}
        for (template, channel), enabled in wishes.items()
    ]


async def set_quiet(transaction: Transaction, person_id: UUID, quiet: QuietHours | None) -> None:
    if quiet is None:
        await transaction.execute(_FORGET_QUIET, {"person": person_id})
        return
    await transaction.execute(
        _SET_QUIET,
        {"person_id": person_id, "starts": quiet.starts, "ends": quiet.ends, "time_zone": quiet.time_zone},
    )
