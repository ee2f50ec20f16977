from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_chassis.pages import paged

from ..visitors.tables import visitors
from .domain import Class, ClassBooking, Visit
from .tables import class_bookings, classes

_TAKEN = (
    sa.select(sa.func.count())
    .where(class_bookings.c.class_id == classes.c.id, class_bookings.c.cancelled_reason.is_(None))
    .correlate(classes)
    .scalar_subquery()
    .label("booked")
)
_CLASS = sa.select(classes, _TAKEN).where(classes.c.id == sa.bindparam("class"))
# What a visitor meets who wants a place: the class, whether there is such a visitor, and whether they have one already.
_VISIT = """
    SELECT class.*, visitor.id IS NOT NULL AS visitor_known, visitor.customer_id,
        (SELECT count(*) FROM class_bookings WHERE class_id = class.id AND cancelled_reason IS NULL) AS booked,
        EXISTS (
            SELECT FROM class_bookings
            WHERE class_id = class.id AND visitor_id = visitor.id AND cancelled_reason IS NULL
        ) AS has_place
        {free_seat}
    FROM classes AS class LEFT JOIN visitors AS visitor ON visitor.id = {visitor} WHERE class.id = {class_id}
"""
_LOOK = _VISIT.format(free_seat="", visitor="$1", class_id="$2")
_VISIT_LOCKED = sa.text(
    _VISIT.format(
        free_seat="""
        , (SELECT number FROM generate_series(1, class.capacity) AS number WHERE NOT EXISTS (
            SELECT FROM class_bookings WHERE class_id = class.id AND seat = number AND cancelled_reason IS NULL
        ) ORDER BY number LIMIT 1) AS free_seat
        """,
        visitor="CAST(:visitor AS uuid)",
        class_id="CAST(:class AS uuid)",
    )
)
_LOCK = sa.select(classes.c.id).where(classes.c.id == sa.bindparam("class")).with_for_update()
# Classes are always locked in the order of their ids, and before passes.
_LOCK_MANY = (
    sa.select(classes.c.id)
    .where(classes.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(classes.c.id)
    .with_for_update()
)
_CLASSES = sa.select(classes, _TAKEN).where(classes.c.id.in_(sa.bindparam("ids", expanding=True)))
_AFTER = classes.alias()
_SCHEDULE = (
    sa.select(classes, _TAKEN)
    .where(
        classes.c.starts_at >= sa.bindparam("starts_from", type_=sa.DateTime(timezone=True)),
        classes.c.starts_at < sa.bindparam("starts_to", type_=sa.DateTime(timezone=True)),
        sa.bindparam("group", type_=sa.Uuid).is_(None) | (classes.c.group_id == sa.bindparam("group")),
        sa.bindparam("after", type_=sa.Uuid).is_(None)
        | (
            sa.tuple_(classes.c.starts_at, classes.c.id)
            > sa.select(_AFTER.c.starts_at, _AFTER.c.id).where(_AFTER.c.id == sa.bindparam("after")).scalar_subquery()
        ),
    )
    .order_by(classes.c.starts_at, classes.c.id)
    .limit(sa.bindparam("limit"))
)
_BOOKINGS = (
    sa.select(class_bookings)
    .where(class_bookings.c.class_id == sa.bindparam("class"), class_bookings.c.cancelled_reason.is_(None))
    .order_by(class_bookings.c.seat)
)
_BOOKINGS_PAGE = paged(
    sa.select(class_bookings).where(
        class_bookings.c.class_id == sa.bindparam("class"), class_bookings.c.cancelled_reason.is_(None)
    ),
    class_bookings.c.seat,
    class_bookings.c.id,
)
_BOOKING = sa.select(class_bookings).where(class_bookings.c.id == sa.bindparam("booking"))
_BOOKING_LOCKED = _BOOKING.with_for_update()
_OF_PASSES = (
    sa.select(class_bookings)
    .join(classes, classes.c.id == class_bookings.c.class_id)
    .where(
        class_bookings.c.pass_id.in_(sa.bindparam("passes", expanding=True)),
        class_bookings.c.cancelled_reason.is_(None),
        classes.c.starts_at > sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    )
    .order_by(class_bookings.c.id)
)
_TOUCH = (
    sa.update(class_bookings)
    .where(class_bookings.c.class_id == sa.bindparam("class"), class_bookings.c.cancelled_reason.is_(None))
    .values(
        version=class_bookings.c.version + 1, moved=class_bookings.c.moved | sa.bindparam("moved_now", type_=sa.Boolean)
    )
    .returning(class_bookings)
)
_CANCEL = (
    sa.update(class_bookings)
    .where(class_bookings.c.id.in_(sa.bindparam("ids", expanding=True)), class_bookings.c.cancelled_reason.is_(None))
    .values(cancelled_reason=sa.bindparam("reason"), version=class_bookings.c.version + 1)
    .returning(class_bookings.c.id, class_bookings.c.version)
)
_OF_CUSTOMER = (
    sa.select(class_bookings)
    .join(visitors, visitors.c.id == class_bookings.c.visitor_id)
    .join(classes, classes.c.id == class_bookings.c.class_id)
    .where(
        visitors.c.customer_id == sa.bindparam("customer"),
        class_bookings.c.cancelled_reason.is_(None),
        classes.c.ends_at > sa.bindparam("now", type_=sa.DateTime(timezone=True)),
        sa.bindparam("after", type_=sa.Uuid).is_(None) | (class_bookings.c.id > sa.bindparam("after")),
    )
    .order_by(class_bookings.c.id)
    .limit(sa.bindparam("limit"))
)


def _class(row: sa.RowMapping) -> Class:
    return Class(**row)


def _booking(row: sa.RowMapping) -> ClassBooking:
    return ClassBooking(**{name: row[name] for name in ClassBooking.__dataclass_fields__})


async def class_by_id(transaction: Transaction, class_id: UUID, *, lock: bool = False) -> Class | None:
    """Locked, it is read after the lock, so that the number of its bookings is the present one."""
    if lock and await transaction.one_or_none(_LOCK, {"class": class_id}) is None:
        return None
    row = await transaction.one_or_none(_CLASS, {"class": class_id})
    return None if row is None else _class(row)


def _visit(row: Mapping[Any, Any]) -> Visit:
    return Visit(
        item=Class(**{name: row[name] for name in Class.__dataclass_fields__}),
        visitor_known=row["visitor_known"],
        has_place=row["has_place"],
        customer_id=row["customer_id"],
        free_seat=row.get("free_seat"),
    )


async def look(direct: Direct, class_id: UUID, visitor_id: UUID) -> Visit | None:
    """What a visitor would meet now, without any lock; None: there is no such class."""
    row = await direct.row(_LOOK, visitor_id, class_id)
    return None if row is None else _visit(row)


async def visit_locked(transaction: Transaction, class_id: UUID, visitor_id: UUID) -> Visit | None:
    """What a visitor meets, read after the class is locked; None: there is no such class."""
    if await transaction.one_or_none(_LOCK, {"class": class_id}) is None:
        return None
    row = await transaction.one_or_none(_VISIT_LOCKED, {"class": class_id, "visitor": visitor_id})
    return None if row is None else _visit(row)


async def classes_locked(transaction: Transaction, class_ids: Collection[UUID]) -> dict[UUID, Class]:
    if not class_ids:
        return {}
    await transaction.execute(_LOCK_MANY, {"ids": list(class_ids)})
    return {row["id"]: _class(row) for row in await transaction.all(_CLASSES, {"ids": list(class_ids)})}


async def schedule(
    transaction: Transaction,
    *,
    starts_from: datetime,
    starts_to: datetime,
    group_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[Class]:
    """Classes that begin in that time, in order; `after`: those behind that one."""
    rows = await transaction.all(
        _SCHEDULE,
        {"starts_from": starts_from, "starts_to": starts_to, "group": group_id, "after": after, "limit": limit},
    )
    return [_class(row) for row in rows]


async def save_class(transaction: Transaction, item: Class) -> None:
    values: dict[str, Any] = {column.name: getattr(item, column.name) for column in classes.c}
    id_ = values.pop("id")
    if item.version == 1:
        await transaction.execute(sa.insert(classes).values(id=id_, **values))
    else:
        await transaction.execute(sa.update(classes).where(classes.c.id == id_).values(**values))


async def bookings_of_class(transaction: Transaction, class_id: UUID) -> list[ClassBooking]:
    return [_booking(row) for row in await transaction.all(_BOOKINGS, {"class": class_id})]


async def bookings_page(
    transaction: Transaction, class_id: UUID, *, after: UUID | None, limit: int
) -> list[ClassBooking]:
    """Places that are taken, by seat."""
    parameters = {"class": class_id, "after": after, "limit": limit}
    return [_booking(row) for row in await transaction.all(_BOOKINGS_PAGE, parameters)]


async def booking_by_id(transaction: Transaction, booking_id: UUID, *, lock: bool = False) -> ClassBooking | None:
    row = await transaction.one_or_none(_BOOKING_LOCKED if lock else _BOOKING, {"booking": booking_id})
    return None if row is None else _booking(row)


async def coming_of_passes(transaction: Transaction, pass_ids: Collection[UUID]) -> list[ClassBooking]:
    """Places in classes that have not begun, booked with these passes."""
    parameters = {"passes": list(pass_ids), "now": transaction.now}
    return [_booking(row) for row in await transaction.all(_OF_PASSES, parameters)]


async def touch_bookings(transaction: Transaction, class_id: UUID, *, moved: bool) -> list[ClassBooking]:
    """A class changed, its time too (`moved`): its bookings are of another version; those."""
    return [_booking(row) for row in await transaction.all(_TOUCH, {"class": class_id, "moved_now": moved})]


async def places_of_customer(
    transaction: Transaction, customer_id: UUID, *, after: UUID | None, limit: int
) -> list[tuple[ClassBooking, Class]]:
    """Places in classes that are not over, of visitors that a customer is; in the order in which they were booked."""
    parameters = {"customer": customer_id, "now": transaction.now, "after": after, "limit": limit}
    bookings = [_booking(row) for row in await transaction.all(_OF_CUSTOMER, parameters)]
    if not bookings:
        return []
    rows = await transaction.all(_CLASSES, {"ids": list({item.class_id for item in bookings})})
    found = {row["id"]: _class(row) for row in rows}
    return [(booking, found[booking.class_id]) for booking in bookings]


async def add_booking(transaction: Transaction, item: ClassBooking) -> None:
    values = {name: getattr(item, name) for name in ClassBooking.__dataclass_fields__}
    await transaction.execute(sa.insert(class_bookings).values(**values, created_at=transaction.now))


async def cancel_bookings(transaction: Transaction, booking_ids: Collection[UUID], reason: str) -> dict[UUID, int]:
    """Free these places; their new versions."""
    rows = await transaction.all(_CANCEL, {"ids": list(booking_ids), "reason": reason})
    return {row["id"]: row["version"] for row in rows}
