from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from ..customers.tables import people
from .domain import Mode, Settings
from .tables import order_settings, release_rules, released_top_ups

OwnerKind = Literal["customer", "discount_group"]

_SETTINGS = sa.select(order_settings)
_insert_settings = insert(order_settings)
_UPSERT_SETTINGS = _insert_settings.on_conflict_do_update(
    index_elements=["singleton"],
    set_={
        column.name: _insert_settings.excluded[column.name] for column in order_settings.c if column.name != "singleton"
    },
)
_insert_rule = insert(release_rules)
_UPSERT_RULE = _insert_rule.on_conflict_do_update(
    index_elements=["owner_kind", "owner_id"], set_={"mode": _insert_rule.excluded.mode}
)
_RULES = sa.select(release_rules.c.owner_kind, release_rules.c.mode).where(
    sa.or_(
        sa.and_(release_rules.c.owner_kind == "customer", release_rules.c.owner_id == sa.bindparam("customer")),
        sa.and_(
            release_rules.c.owner_kind == "discount_group",
            release_rules.c.owner_id
            == sa.select(people.c.discount_group_id).where(people.c.id == sa.bindparam("customer")).scalar_subquery(),
        ),
    )
)
_RULE = sa.select(release_rules.c.mode).where(
    release_rules.c.owner_kind == sa.bindparam("kind"), release_rules.c.owner_id == sa.bindparam("owner")
)
_FIRST_TIME = insert(released_top_ups).on_conflict_do_nothing().returning(released_top_ups.c.top_up_id)


class _Read:
    """The settings as this transaction has read them: a batch of events asks once."""

    settings: Settings | None = None


async def settings(transaction: Transaction) -> Settings:
    read = transaction.kept(_Read)
    if read.settings is None:
        row = await transaction.one_or_none(_SETTINGS)
        read.settings = (
            Settings()
            if row is None
            else Settings(
                start_when_paid=row["start_when_paid"],
                wait_without_funds=row["wait_without_funds"],
                waiting_status=row["waiting_status"],
                mode=Mode(row["mode"]),
                version=row["version"],
            )
        )
    return read.settings


async def lock_settings(transaction: Transaction) -> Settings:
    """The settings, which nobody else changes until this transaction ends."""
    await transaction.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('order_settings'))"))
    return await settings(transaction)


async def save_settings(transaction: Transaction, changed: Settings) -> None:
    await transaction.execute(
        _UPSERT_SETTINGS,
        {
            "singleton": True,
            "start_when_paid": changed.start_when_paid,
            "wait_without_funds": changed.wait_without_funds,
            "waiting_status": changed.waiting_status,
            "mode": changed.mode.value,
            "version": changed.version,
        },
    )


async def rule(transaction: Transaction, kind: OwnerKind, owner_id: UUID) -> Mode | None:
    row = await transaction.one_or_none(_RULE, {"kind": kind, "owner": owner_id})
    return None if row is None else Mode(row["mode"])


async def save_rule(transaction: Transaction, kind: OwnerKind, owner_id: UUID, mode: Mode | None) -> None:
    if mode is None:
        await transaction.execute(
            sa.delete(release_rules).where(release_rules.c.owner_kind == kind, release_rules.c.owner_id == owner_id)
        )
    else:
        await transaction.execute(_UPSERT_RULE, {"owner_kind": kind, "owner_id": owner_id, "mode": mode.value})


async def rules_for(transaction: Transaction, customer_id: UUID) -> tuple[Mode | None, Mode | None]:
    """The rule of the customer, and that of their discount group; None where none is set."""
    found = {row["owner_kind"]: Mode(row["mode"]) for row in await transaction.all(_RULES, {"customer": customer_id})}
    return found.get("customer"), found.get("discount_group")


async def first_time(transaction: Transaction, top_up_id: UUID) -> bool:
    """Whether this top-up has released nothing yet (C8)."""
    result = await transaction.execute(_FIRST_TIME, {"top_up_id": top_up_id, "at": transaction.now})
    return result.scalar_one_or_none() is not None
