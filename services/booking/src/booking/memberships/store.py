from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_chassis.errors import ConflictError
from foyer_chassis.pages import paged
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import insert

from .domain import MOST_GUESSES_OF_PASS, MembershipType, Pass, Status
from .tables import code_guesses, groups, membership_types, pass_numbers, pass_orders, passes

_NEVER = datetime.max.replace(tzinfo=UTC)
_TYPE = sa.select(membership_types).where(membership_types.c.id == sa.bindparam("type"))
_TYPE_LOCKED = _TYPE.with_for_update()
_TYPES = paged(sa.select(membership_types), membership_types.c.title, membership_types.c.id)
_GROUPS = paged(sa.select(groups), groups.c.title, groups.c.id)
_COLUMNS = [column for column in passes.c if column.name != "created_at"]
_PASS = sa.select(*_COLUMNS).where(passes.c.id == sa.bindparam("pass"))
_PASS_LOCKED = _PASS.with_for_update()
_BY_NUMBER = sa.select(*_COLUMNS).where(passes.c.number == sa.bindparam("number"))
_OF_ORDER = sa.select(*_COLUMNS).where(passes.c.order_id == sa.bindparam("order"))
_BY_CODE = sa.select(*_COLUMNS).where(passes.c.code_key == sa.bindparam("key"), passes.c.status == "issued").limit(20)
# Passes are always locked in the order of their ids, and after the classes they are used in.
_OF_VISITOR_LOCKED = (
    sa.select(*_COLUMNS)
    .where(
        sa.or_(
            sa.and_(passes.c.visitor_id == sa.bindparam("visitor"), passes.c.status == "attached"),
            passes.c.id == sa.bindparam("also", type_=sa.Uuid),
        )
    )
    .order_by(passes.c.id)
    .with_for_update()
)
_LOCKED = (
    sa.select(passes.c.id)
    .where(passes.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(passes.c.id)
    .with_for_update()
)
_RETURN_VISITS = sa.text("""
    UPDATE passes SET visits_left = visits_left + returned.visits, version = version + 1
    FROM unnest(CAST(:ids AS uuid[]), CAST(:visits AS integer[])) AS returned (id, visits)
    WHERE passes.id = returned.id AND status = 'attached'
""")
_PAGE = (
    sa.select(*_COLUMNS)
    .where(sa.bindparam("after", type_=sa.Uuid).is_(None) | (passes.c.id < sa.bindparam("after")))
    .order_by(passes.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_UNATTACHED = _PAGE.where(passes.c.status.in_(("issued", "activated")))
_OF_VISITOR = _PAGE.where(passes.c.visitor_id == sa.bindparam("visitor"))
_OF_BUYER = _PAGE.where(passes.c.buyer_id == sa.bindparam("buyer"))

_ORDER_PLACED = sa.text("""
    INSERT INTO pass_orders (order_id, type_id, buyer_id) VALUES (:order, :type, :buyer)
    ON CONFLICT (order_id) DO UPDATE SET type_id = excluded.type_id, buyer_id = excluded.buyer_id
""")
_ORDERS = sa.select(pass_orders).where(
    pass_orders.c.order_id.in_(sa.bindparam("orders", expanding=True)), pass_orders.c.type_id.is_not(None)
)
# Totals only grow, so that of two events that overtake each other the later one counts. Orders of places, which are
# known by their applicant, are none of memberships.
_ORDER_MONEY = """
    INSERT INTO pass_orders (order_id, {column})
    SELECT new.* FROM unnest(CAST(:orders AS uuid[]), CAST(:amounts AS bigint[])) AS new (order_id, amount)
    WHERE NOT EXISTS (
        SELECT FROM order_copies AS known WHERE known.order_id = new.order_id AND known.applicant_id IS NOT NULL
    )
    ORDER BY new.order_id
    ON CONFLICT (order_id) DO UPDATE SET {column} = greatest(pass_orders.{column}, excluded.{column})
"""
_ORDERS_PAID = sa.text(_ORDER_MONEY.format(column="paid_amount"))
_ORDERS_REFUNDED = sa.text(_ORDER_MONEY.format(column="refunded_amount"))
_LOCK_GUESSES = sa.text("SELECT pg_advisory_xact_lock(hashtext('guesses:' || :of))")
_GUESSES = sa.select(sa.func.count()).where(
    code_guesses.c.caller_id == sa.bindparam("caller"), code_guesses.c.at > sa.bindparam("since")
)
_NOTE_GUESS = """
    WITH forgotten AS (DELETE FROM code_guesses WHERE at <= $1),
    counted AS (UPDATE passes SET guesses = guesses + 1 WHERE id = ANY($2::uuid[]) AND guesses < $3)
    INSERT INTO code_guesses (id, caller_id, at) VALUES ($4, $5, $6) RETURNING id
"""


class GroupExistsError(ConflictError):
    """There is a group of that name already."""

    title_en = "There is such a group"
    title_ru = "Такая группа уже есть"


def _type(row: sa.RowMapping) -> MembershipType:
    return MembershipType(**{**row, "group_ids": tuple(row["group_ids"])})


def _pass(row: sa.RowMapping) -> Pass:
    return Pass(**{**row, "status": Status(row["status"]), "group_ids": tuple(row["group_ids"])})


async def add_group(transaction: Transaction, group_id: UUID, title: str) -> None:
    """Raises GroupExistsError."""
    try:
        await transaction.execute(sa.insert(groups).values(id=group_id, title=title))
    except sa.exc.IntegrityError:
        raise GroupExistsError(field="title") from None


async def groups_page(transaction: Transaction, *, after: UUID | None, limit: int) -> Sequence[sa.RowMapping]:
    """By title."""
    return await transaction.all(_GROUPS, {"after": after, "limit": limit})


async def unknown_groups(transaction: Transaction, ids: Collection[UUID]) -> set[UUID]:
    if not ids:
        return set()
    found = await transaction.execute(sa.select(groups.c.id).where(groups.c.id.in_(list(ids))))
    return set(ids) - set(found.scalars())


async def type_by_id(transaction: Transaction, type_id: UUID, *, lock: bool = False) -> MembershipType | None:
    row = await transaction.one_or_none(_TYPE_LOCKED if lock else _TYPE, {"type": type_id})
    return None if row is None else _type(row)


async def types_page(transaction: Transaction, *, after: UUID | None, limit: int) -> list[MembershipType]:
    """By title."""
    return [_type(row) for row in await transaction.all(_TYPES, {"after": after, "limit": limit})]


async def save_type(transaction: Transaction, item: MembershipType) -> None:
    values = {column.name: getattr(item, column.name) for column in membership_types.c}
    values["group_ids"] = list(item.group_ids)
    id_ = values.pop("id")
    if item.version == 1:
        await transaction.execute(sa.insert(membership_types).values(id=id_, **values))
    else:
        await transaction.execute(sa.update(membership_types).where(membership_types.c.id == id_).values(**values))


async def order_placed(transaction: Transaction, order_id: UUID, *, type_id: UUID, buyer_id: UUID) -> None:
    await transaction.execute(_ORDER_PLACED, {"order": order_id, "type": type_id, "buyer": buyer_id})


async def membership_orders(transaction: Transaction, order_ids: Collection[UUID]) -> dict[UUID, sa.RowMapping]:
    """Those of the orders that are of memberships."""
    return {row["order_id"]: row for row in await transaction.all(_ORDERS, {"orders": list(order_ids)})}


async def note_paid(transaction: Transaction, amounts: Mapping[UUID, int]) -> None:
    """Keep what came in for orders (id → all of it so far), of memberships or not known yet."""
    await transaction.execute(_ORDERS_PAID, {"orders": list(amounts), "amounts": list(amounts.values())})


async def note_refunded(transaction: Transaction, amounts: Mapping[UUID, int]) -> None:
    """Keep what went back for orders (id → all of it so far), of memberships or not known yet."""
    await transaction.execute(_ORDERS_REFUNDED, {"orders": list(amounts), "amounts": list(amounts.values())})


async def next_number(transaction: Transaction) -> int:
    result = await transaction.execute(sa.select(pass_numbers.next_value()))
    return int(result.scalar_one())


def _values(item: Pass) -> dict[str, Any]:
    values = {column.name: getattr(item, column.name) for column in _COLUMNS}
    return {**values, "status": item.status.value, "group_ids": list(item.group_ids)}


async def add(transaction: Transaction, item: Pass) -> bool:
    """Whether the order had no pass yet."""
    statement = insert(passes).values(**_values(item), created_at=transaction.now)
    result = await transaction.execute(
        statement.on_conflict_do_nothing(constraint="passes_one_per_order").returning(passes.c.id)
    )
    return result.scalar_one_or_none() is not None


async def save(transaction: Transaction, item: Pass) -> None:
    values = _values(item)
    id_ = values.pop("id")
    await transaction.execute(sa.update(passes).where(passes.c.id == id_).values(**values))


async def return_visits(transaction: Transaction, visits: Mapping[UUID, int]) -> None:
    """So many visits come back to passes that are still somebody's."""
    if visits:
        await transaction.execute(_RETURN_VISITS, {"ids": list(visits), "visits": list(visits.values())})


async def pass_by_id(transaction: Transaction, pass_id: UUID, *, lock: bool = False) -> Pass | None:
    row = await transaction.one_or_none(_PASS_LOCKED if lock else _PASS, {"pass": pass_id})
    return None if row is None else _pass(row)


async def pass_by_number(transaction: Transaction, number: int) -> Pass | None:
    row = await transaction.one_or_none(_BY_NUMBER, {"number": number})
    return None if row is None else _pass(row)


async def pass_of_order(transaction: Transaction, order_id: UUID) -> Pass | None:
    row = await transaction.one_or_none(_OF_ORDER, {"order": order_id})
    return None if row is None else _pass(row)


async def passes_by_code(transaction: Transaction, key: str) -> list[Pass]:
    """Those that the code's first group leads to; almost always one or none."""
    return [_pass(row) for row in await transaction.all(_BY_CODE, {"key": key})]


async def passes_of_visitor_locked(
    transaction: Transaction, visitor_id: UUID, *, also: UUID | None = None
) -> list[Pass]:
    """Those that are attached (and `also`, whatever its state): the earliest to expire first, those without an end
    last (D5)."""
    rows = await transaction.all(_OF_VISITOR_LOCKED, {"visitor": visitor_id, "also": also})
    return sorted(map(_pass, rows), key=lambda item: (item.valid_until is None, item.valid_until or _NEVER, item.id))


async def lock_passes(transaction: Transaction, pass_ids: Collection[UUID]) -> None:
    await transaction.execute(_LOCKED, {"ids": list(pass_ids)})


async def page(
    transaction: Transaction,
    *,
    after: UUID | None,
    limit: int,
    visitor_id: UUID | None = None,
    buyer_id: UUID | None = None,
) -> list[Pass]:
    """The newest first: of a visitor, of a buyer, else those not attached yet (D6)."""
    parameters: dict[str, Any] = {"after": after, "limit": limit}
    if visitor_id is not None:
        rows = await transaction.all(_OF_VISITOR, {**parameters, "visitor": visitor_id})
    elif buyer_id is not None:
        rows = await transaction.all(_OF_BUYER, {**parameters, "buyer": buyer_id})
    else:
        rows = await transaction.all(_UNATTACHED, parameters)
    return [_pass(row) for row in rows]


async def note_guess(direct: Direct, caller_id: UUID, pass_ids: Collection[UUID], *, since: datetime) -> None:
    """A wrong code was tried, for these passes; what is older than the window is forgotten."""
    await direct.row(_NOTE_GUESS, since, list(pass_ids), MOST_GUESSES_OF_PASS, new_id(), caller_id, direct.now)


async def lock_guesses(transaction: Transaction, of: str) -> None:
    """Of those who guess as one caller, or for one pass, each waits until the one before is counted."""
    await transaction.execute(_LOCK_GUESSES, {"of": of})


async def guesses_of(transaction: Transaction, caller_id: UUID, *, since: datetime) -> int:
    result = await transaction.execute(_GUESSES, {"caller": caller_id, "since": since})
    return int(result.scalar_one())
