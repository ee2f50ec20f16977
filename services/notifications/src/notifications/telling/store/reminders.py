from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import insert

from ..domain.reminders import About, Reminder
from ..tables import reminders

_new = insert(reminders)
# Moved to another time it is another reminder; scheduled again for the same time it is the same.
_SCHEDULE = _new.on_conflict_do_update(
    index_elements=["order_id", "about", "thing"],
    set_={name: _new.excluded[name] for name in ("id", "due_at", "facts")},
    where=reminders.c.due_at != _new.excluded.due_at,
)
_CANCEL = sa.delete(reminders).where(
    reminders.c.order_id == sa.bindparam("order"),
    reminders.c.about == sa.bindparam("of_about"),
    reminders.c.thing == sa.bindparam("of_thing"),
)
_DUE = (
    sa.select(reminders.c.id)
    .where(reminders.c.due_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .order_by(reminders.c.due_at)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_TAKE = sa.delete(reminders).where(reminders.c.id.in_(_DUE.scalar_subquery())).returning(reminders)


async def schedule(
    transaction: Transaction,
    order_id: UUID,
    about: About,
    *,
    thing: str = "",
    due_at: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Remind at `due_at`; a reminder of the same is moved there."""
    await transaction.execute(
        _SCHEDULE,
        {
            "id": new_id(),
            "order_id": order_id,
            "about": about.value,
            "thing": thing,
            "due_at": due_at,
            "facts": dict(facts or {}),
        },
    )


async def cancel(transaction: Transaction, order_id: UUID, about: About, *, thing: str = "") -> None:
    await transaction.execute(_CANCEL, {"order": order_id, "of_about": about.value, "of_thing": thing})


async def take_due(transaction: Transaction, *, most: int) -> list[Reminder]:
    """The reminders whose time has come, however long ago; they are the caller's to tell or to drop."""
    rows = await transaction.all(_TAKE, {"now": transaction.now, "most": most})
    return [Reminder(**{**row, "about": About(row["about"])}) for row in rows]
