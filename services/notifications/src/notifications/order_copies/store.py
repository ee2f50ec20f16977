from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .domain import ConversationCopy, Facts, OfferingCopy, OfferOver, OrderCopy
from .tables import conversation_copies, offering_copies, offers_over, order_copies

_new = insert(order_copies)
# Several changes of one transaction share a version and arrive in order: the last of equals holds.
_later_group = sa.and_(_new.excluded.status_group.is_not(None), order_copies.c.sequence <= _new.excluded.sequence)
# Places taken again make a new reservation, whose id (UUIDv7) is greater; within one its version counts.
_later_places = sa.and_(
    _new.excluded.places.is_not(None),
    sa.or_(
        order_copies.c.reservation_id.is_(None),
        sa.tuple_(order_copies.c.reservation_id, order_copies.c.reservation_sequence)
        < sa.tuple_(_new.excluded.reservation_id, _new.excluded.reservation_sequence),
    ),
)
_later_assignee = order_copies.c.assignee_sequence < _new.excluded.assignee_sequence


def _if(condition: sa.ColumnElement[bool], name: str) -> sa.ColumnElement[Any]:
    return sa.case((condition, _new.excluded[name]), else_=order_copies.c[name])


_NOTE = _new.on_conflict_do_update(
    index_elements=["order_id"],
    set_={
        "facts": order_copies.c.facts.op("||")(_new.excluded.facts),
        "paid": sa.or_(order_copies.c.paid, _new.excluded.paid),
        "status_group": _if(_later_group, "status_group"),
        "sequence": _if(_later_group, "sequence"),
        "places": _if(_later_places, "places"),
        "reservation_id": _if(_later_places, "reservation_id"),
        "reservation_sequence": _if(_later_places, "reservation_sequence"),
        "kind": sa.func.coalesce(_new.excluded.kind, order_copies.c.kind),
        "applicant_id": sa.func.coalesce(order_copies.c.applicant_id, _new.excluded.applicant_id),
        "responsible_ids": _if(_later_assignee, "responsible_ids"),
        "assignee_id": _if(_later_assignee, "assignee_id"),
        "assignee_sequence": _if(_later_assignee, "assignee_sequence"),
    },
)
_COPIES = sa.select(order_copies).where(order_copies.c.order_id.in_(sa.bindparam("orders", expanding=True)))

_MARKS = ("customer_seen", "staff_seen", "customer_posted", "staff_posted")
_new_marks = insert(conversation_copies)
_NOTE_CONVERSATION = _new_marks.on_conflict_do_update(
    index_elements=["conversation_id"],
    set_={name: sa.func.greatest(conversation_copies.c[name], _new_marks.excluded[name]) for name in _MARKS},
)
_CONVERSATION = sa.select(*(conversation_copies.c[name] for name in _MARKS)).where(
    conversation_copies.c.conversation_id == sa.bindparam("conversation")
)
_new_offering = insert(offering_copies)
_NOTE_OFFERING = _new_offering.on_conflict_do_update(
    index_elements=["offering_id"],
    set_={name: _new_offering.excluded[name] for name in ("title", "kind", "sequence")},
    where=offering_copies.c.sequence < _new_offering.excluded.sequence,
)
_OFFERING = sa.select(offering_copies.c.title, offering_copies.c.kind).where(
    offering_copies.c.offering_id == sa.bindparam("offering")
)

_OFFER_OVER = insert(offers_over).on_conflict_do_nothing()
_HOW = sa.select(offers_over.c.how).where(offers_over.c.offer_id == sa.bindparam("offer"))
_OLD_OFFERS = (
    sa.select(offers_over.c.offer_id)
    .where(offers_over.c.at < sa.bindparam("before", type_=sa.DateTime(timezone=True)))
    .order_by(offers_over.c.at)
    .limit(sa.bindparam("most"))
)
_FORGET_OFFERS = (
    sa.delete(offers_over)
    .where(offers_over.c.offer_id.in_(_OLD_OFFERS.scalar_subquery()))
    .returning(offers_over.c.offer_id)
)


@dataclass(frozen=True, slots=True)
class News:
    """What one event says of an order; the rest stays as it is known.

    Attributes:
        facts: what never changes once it is known.
        group, sequence: the status group at a version of the order; older ones than known are left.
        places, reservation_id, reservation_sequence: likewise, by the version of the reservation.
        responsible_ids, assignee_id, assignee_sequence: likewise, by the version of the order that says so.
    """

    order_id: UUID
    facts: Facts = field(default_factory=dict)
    group: str | None = None
    sequence: int = -1
    paid: bool = False
    places: Facts | None = None
    reservation_id: UUID | None = None
    reservation_sequence: int = -1
    kind: str | None = None
    applicant_id: UUID | None = None
    responsible_ids: tuple[UUID, ...] = ()
    assignee_id: UUID | None = None
    assignee_sequence: int = -1


async def note(transaction: Transaction, news: News) -> None:
    """Take in what an event says, whatever order events come in."""
    await transaction.execute(
        _NOTE,
        {
            "order_id": news.order_id,
            "facts": dict(news.facts),
            "status_group": news.group,
            "sequence": news.sequence,
            "paid": news.paid,
            "places": news.places,
            "reservation_id": news.reservation_id,
            "reservation_sequence": news.reservation_sequence,
            "kind": news.kind,
            "applicant_id": news.applicant_id,
            "responsible_ids": list(news.responsible_ids),
            "assignee_id": news.assignee_id,
            "assignee_sequence": news.assignee_sequence,
        },
    )


async def copies(transaction: Transaction, order_ids: list[UUID]) -> dict[UUID, OrderCopy]:
    if not order_ids:
        return {}
    return {row["order_id"]: _copy(row) for row in await transaction.all(_COPIES, {"orders": order_ids})}


async def copy(transaction: Transaction, order_id: UUID) -> OrderCopy | None:
    return (await copies(transaction, [order_id])).get(order_id)


def _copy(row: sa.RowMapping) -> OrderCopy:
    return OrderCopy(
        order_id=row["order_id"],
        sequence=row["sequence"],
        group=row["status_group"],
        paid=row["paid"],
        facts={**row["facts"], **({"places": row["places"]} if row["places"] else {})},
        kind=row["kind"],
        applicant_id=row["applicant_id"],
        responsible_ids=tuple(row["responsible_ids"]),
        assignee_id=row["assignee_id"],
        assignee_sequence=row["assignee_sequence"],
    )


async def note_conversation(transaction: Transaction, conversation_id: UUID, **marks: int) -> None:
    """Take in how far a side is: `customer_seen`, `staff_seen`, `customer_posted`, `staff_posted`. They only grow."""
    await transaction.execute(
        _NOTE_CONVERSATION, {"conversation_id": conversation_id, **dict.fromkeys(_MARKS, 0), **marks}
    )


async def conversation(transaction: Transaction, conversation_id: UUID) -> ConversationCopy | None:
    row = await transaction.one_or_none(_CONVERSATION, {"conversation": conversation_id})
    return None if row is None else ConversationCopy(**row)


async def note_offering(transaction: Transaction, offering_id: UUID, *, title: str, kind: str, sequence: int) -> None:
    await transaction.execute(
        _NOTE_OFFERING, {"offering_id": offering_id, "title": title, "kind": kind, "sequence": sequence}
    )


async def offering(transaction: Transaction, offering_id: UUID) -> OfferingCopy | None:
    row = await transaction.one_or_none(_OFFERING, {"offering": offering_id})
    return None if row is None else OfferingCopy(**row)


async def note_offer_over(transaction: Transaction, offer_id: UUID, how: OfferOver) -> None:
    await transaction.execute(_OFFER_OVER, {"offer_id": offer_id, "how": how.value, "at": transaction.now})


async def offer_over(transaction: Transaction, offer_id: UUID) -> OfferOver | None:
    """How an offer ended; None while it stands, as far as is known."""
    row = await transaction.one_or_none(_HOW, {"offer": offer_id})
    return None if row is None else OfferOver(row["how"])


async def forget_offers(transaction: Transaction, *, before: datetime, most: int) -> int:
    """Forget offers that were over before an instant, `most` at a time. How many."""
    return len(await transaction.all(_FORGET_OFFERS, {"before": before, "most": most}))
