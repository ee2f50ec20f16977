from collections.abc import Iterable, Mapping
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from ..domain.preferences import QuietHours, Wish, Wishes
from ..domain.rules import Channel
from ..tables import preferences, quiet_hours, role_preferences

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
