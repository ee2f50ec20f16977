import sqlalchemy as sa
from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .tables import people

_insert = insert(people)
_CHANGED = sa.or_(
    people.c.name != _insert.excluded.name,
    people.c.locale != _insert.excluded.locale,
    people.c.email.is_distinct_from(_insert.excluded.email),
    people.c.phone.is_distinct_from(_insert.excluded.phone),
)
_UPSERT = _insert.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "name": _insert.excluded.name,
        "locale": _insert.excluded.locale,
        "email": _insert.excluded.email,
        "phone": _insert.excluded.phone,
        "version": people.c.version + 1,
    },
    where=_CHANGED,
).returning(people.c.version)


async def save_if_changed(transaction: Transaction, caller: Caller) -> int | None:
    """The person's new version, or None when nothing changed."""
    result = await transaction.execute(
        _UPSERT,
        {
            "id": caller.id,
            "name": caller.name,
            "locale": caller.locale,
            "email": caller.email,
            "phone": caller.phone,
            "version": 1,
        },
    )
    version: int | None = result.scalar_one_or_none()
    return version
