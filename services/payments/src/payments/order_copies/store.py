from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE

from .domain import CustomerCopy, OfferingCopy, OrderCopy, Viewer
from .tables import customer_copies, offering_copies, order_copies

_new = insert(order_copies)
_key = [order_copies.c.order_id]
_PLACE = _new.on_conflict_do_update(
    index_elements=_key,
    set_={
        **{
            name: _new.excluded[name]
            for name in ("number", "applicant_id", "kind", "offering_id", "offering_title", "legal_entity_id")
        },
        "location_id": _new.excluded.location_id,
        "terms": sa.func.coalesce(order_copies.c.terms, _new.excluded.terms),
        "assignee_id": sa.case(
            (order_copies.c.assignee_sequence < _new.excluded.assignee_sequence, _new.excluded.assignee_id),
            else_=order_copies.c.assignee_id,
        ),
        "assignee_sequence": sa.func.greatest(order_copies.c.assignee_sequence, _new.excluded.assignee_sequence),
        "payer_kind": sa.func.coalesce(order_copies.c.payer_kind, _new.excluded.payer_kind),
        "extras_as_lines": sa.case(
            (order_copies.c.content_sequence == 0, _new.excluded.extras_as_lines),
            else_=order_copies.c.extras_as_lines,
        ),
    },
)
_MOVE = _new.on_conflict_do_update(
    index_elements=_key,
    set_={
        name: _new.excluded[name] for name in ("kind", "offering_title", "status", "status_group", "status_sequence")
    },
    where=order_copies.c.status_sequence < _new.excluded.status_sequence,
)
_ASSIGN = _new.on_conflict_do_update(
    index_elements=_key,
    set_={name: _new.excluded[name] for name in ("assignee_id", "assignee_sequence")},
    where=order_copies.c.assignee_sequence < _new.excluded.assignee_sequence,
)
_newer = order_copies.c.content_sequence < _new.excluded.content_sequence
_CONTENT = ("payer_kind", "lines", "total", "currency", "extras_as_lines", "content_sequence")
_PRICE = _new.on_conflict_do_update(
    index_elements=_key,
    set_={
        **{name: sa.case((_newer, _new.excluded[name]), else_=order_copies.c[name]) for name in _CONTENT},
        **{name: _new.excluded[name] for name in ("terms", "description", "pay_until")},
        "legal_entity_id": sa.func.coalesce(_new.excluded.legal_entity_id, order_copies.c.legal_entity_id),
    },
)
_CHANGE = _new.on_conflict_do_update(
    index_elements=_key,
    set_={name: _new.excluded[name] for name in (*_CONTENT, "kind", "offering_title")},
    where=_newer,
).returning(*order_copies.c)
_BY_ID = sa.select(order_copies).where(order_copies.c.order_id == sa.bindparam("id"))
_BY_IDS = sa.select(order_copies).where(order_copies.c.order_id.in_(sa.bindparam("ids", expanding=True)))

_applicant = sa.bindparam("applicant", type_=sa.Uuid)
_kinds = sa.bindparam("kinds", type_=ARRAY(sa.Text))
_locations = sa.bindparam("locations", type_=ARRAY(UUID_TYPE(as_uuid=True)))
_assignee = sa.bindparam("assignee", type_=sa.Uuid)


class SeenBy:
    """Which rows, each of an order and a customer, a `domain.Viewer` sees; bind `Viewer.parameters()`.

    Customers and staff have a condition each, so that each has its index.
    """

    def __init__(
        self,
        order_id: sa.ColumnElement[UUID | None],
        applicant_id: sa.ColumnElement[UUID] | None,
        *,
        shown: sa.ColumnElement[bool] | None = None,
    ) -> None:
        """`applicant_id` None: customers see none of them. `shown`: customers see only those."""
        own = sa.false() if applicant_id is None else applicant_id == _applicant
        self._own = own if shown is None else sa.and_(own, shown)
        self._staff = ~sa.exists().where(
            order_copies.c.order_id == order_id,
            sa.or_(
                order_copies.c.kind != sa.all_(_kinds),
                order_copies.c.location_id != sa.all_(_locations),
                sa.and_(_assignee.is_not(None), order_copies.c.assignee_id.is_distinct_from(_assignee)),
            ),
        )

    def of(self, viewer: Viewer) -> sa.ColumnElement[bool]:
        return self._staff if viewer.applicant_id is None else self._own


_offering = insert(offering_copies)
_KEEP_OFFERING = _offering.on_conflict_do_update(
    index_elements=[offering_copies.c.offering_id],
    set_={column.name: _offering.excluded[column.name] for column in offering_copies.c if not column.primary_key},
    where=offering_copies.c.sequence < _offering.excluded.sequence,
)
_OFFERING = sa.select(offering_copies).where(offering_copies.c.offering_id == sa.bindparam("id"))
_customer = insert(customer_copies)
_KEEP_CUSTOMER = _customer.on_conflict_do_update(
    index_elements=[customer_copies.c.customer_id],
    set_={name: _customer.excluded[name] for name in ("display_name", "discount_group_id", "erased", "sequence")},
    where=customer_copies.c.sequence < _customer.excluded.sequence,
)
_KEEP_CONTACT = _customer.on_conflict_do_update(
    index_elements=[customer_copies.c.customer_id],
    set_={name: _customer.excluded[name] for name in ("email", "contact_sequence")},
    where=customer_copies.c.contact_sequence < _customer.excluded.contact_sequence,
)
_EMAILS = sa.select(customer_copies.c.customer_id, customer_copies.c.email).where(
    customer_copies.c.customer_id.in_(sa.bindparam("ids", expanding=True)),
    customer_copies.c.email.is_not(None),
    ~customer_copies.c.erased,
)
_CUSTOMER = sa.select(customer_copies).where(customer_copies.c.customer_id == sa.bindparam("id"))


def _copy(row: sa.RowMapping) -> OrderCopy:
    return OrderCopy(
        order_id=row["order_id"],
        number=row["number"],
        applicant_id=row["applicant_id"],
        kind=row["kind"],
        offering_id=row["offering_id"],
        offering_title=row["offering_title"],
        legal_entity_id=row["legal_entity_id"],
        location_id=row["location_id"],
        assignee_id=row["assignee_id"],
        terms=row["terms"],
        payer_kind=row["payer_kind"],
        status=row["status"],
        status_group=row["status_group"],
        description=row["description"],
        lines=row["lines"],
        total=None if row["total"] is None else Money(amount=row["total"], currency=row["currency"]),
        pay_until=row["pay_until"],
        extras_as_lines=row["extras_as_lines"],
        content_sequence=row["content_sequence"],
    )


async def place(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_PLACE, rows)


async def move(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_MOVE, rows)


async def assign(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_ASSIGN, rows)


async def price(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, OrderCopy]:
    """Take in prices; the copies that come back have the newest content there is, which may be newer than these."""
    await transaction.execute(_PRICE, rows)
    return await by_ids(transaction, [row["order_id"] for row in rows])


async def change(transaction: Transaction, row: Mapping[str, Any]) -> OrderCopy | None:
    """Take in a change of content; None: something newer is known already."""
    result = await transaction.execute(_CHANGE, row)
    found = result.mappings().one_or_none()
    return None if found is None else _copy(found)


async def by_id(transaction: Transaction, order_id: UUID) -> OrderCopy | None:
    row = await transaction.one_or_none(_BY_ID, {"id": order_id})
    return None if row is None else _copy(row)


async def by_ids(transaction: Transaction, order_ids: Collection[UUID]) -> dict[UUID, OrderCopy]:
    return {row["order_id"]: _copy(row) for row in await transaction.all(_BY_IDS, {"ids": list(order_ids)})}


async def keep_offerings(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_KEEP_OFFERING, rows)


async def offering(transaction: Transaction, offering_id: UUID) -> OfferingCopy | None:
    row = await transaction.one_or_none(_OFFERING, {"id": offering_id})
    if row is None:
        return None
    return OfferingCopy(**{name: row[name] for name in OfferingCopy.__slots__})


async def keep_customers(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_KEEP_CUSTOMER, rows)


async def keep_contacts(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_KEEP_CONTACT, rows)


async def emails_of(transaction: Transaction, customer_ids: Collection[UUID]) -> dict[UUID, str]:
    """Customers' own addresses, for receipts; of whom none is known, or who is erased, is missing."""
    rows = await transaction.all(_EMAILS, {"ids": list(customer_ids)})
    return {row["customer_id"]: row["email"] for row in rows}


async def customer(transaction: Transaction, customer_id: UUID) -> CustomerCopy | None:
    row = await transaction.one_or_none(_CUSTOMER, {"id": customer_id})
    if row is None:
        return None
    return CustomerCopy(**{name: row[name] for name in CustomerCopy.__slots__})
