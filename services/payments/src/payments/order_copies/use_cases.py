"""Copies of orders, offerings and customers follow their events, in whatever order those come."""

from collections.abc import Sequence
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import (
    ContactChanged,
    CustomerChanged,
    OfferingChanged,
    OrderAssigned,
    OrderChanged,
    OrderPlaced,
    OrderPriced,
    OrderStatusChanged,
)

from . import store
from .domain import OrderCopy


async def placed(transaction: Transaction, events: Sequence[Event[OrderPlaced]]) -> None:
    rows = [
        {
            "order_id": event.data.order_id,
            "number": event.data.number,
            "applicant_id": event.data.applicant_id,
            "kind": event.data.kind,
            "offering_id": event.data.offering_id,
            "offering_title": event.data.offering_title,
            "legal_entity_id": event.data.legal_entity_id,
            "location_id": event.data.location_id,
            "assignee_id": event.data.assignee_id,
            "assignee_sequence": event.sequence,
            "terms": event.data.terms,
            "payer_kind": event.data.payer_kind,
            "extras_as_lines": event.data.extras_as_lines,
        }
        for event in events
    ]
    await store.place(transaction, rows)


async def moved(transaction: Transaction, events: Sequence[Event[OrderStatusChanged]]) -> None:
    rows = [
        {
            "order_id": event.data.order_id,
            "number": event.data.number,
            "applicant_id": event.data.applicant_id,
            "kind": event.data.kind,
            "offering_title": event.data.offering_title,
            "status": event.data.to_status,
            "status_group": event.data.group,
            "status_sequence": event.sequence,
        }
        for event in events
    ]
    await store.move(transaction, rows)


async def assigned(transaction: Transaction, events: Sequence[Event[OrderAssigned]]) -> None:
    rows = [
        {
            "order_id": event.data.order_id,
            "number": event.data.number,
            "applicant_id": event.data.applicant_id,
            "kind": event.data.kind,
            "offering_title": event.data.offering_title,
            "assignee_id": event.data.assignee_id,
            "assignee_sequence": event.sequence,
        }
        for event in events
    ]
    await store.assign(transaction, rows)


async def priced(transaction: Transaction, events: Sequence[Event[OrderPriced]]) -> dict[UUID, OrderCopy]:
    """The orders as they then are."""
    rows = [
        {
            "order_id": event.data.order_id,
            "number": event.data.number,
            "applicant_id": event.data.applicant_id,
            "payer_kind": event.data.payer_kind,
            "terms": event.data.terms or ("prepaid" if event.data.prepaid else "postpaid"),
            "description": event.data.description,
            "lines": [line.model_dump(mode="json") for line in event.data.lines],
            "total": event.data.total.amount,
            "currency": event.data.total.currency,
            "pay_until": event.data.pay_until,
            "legal_entity_id": event.data.legal_entity_id,
            "extras_as_lines": event.data.extras_as_lines,
            "content_sequence": event.sequence,
        }
        for event in events
    ]
    return await store.price(transaction, rows)


async def changed(transaction: Transaction, event: Event[OrderChanged]) -> OrderCopy | None:
    """The order with its new content; None when something newer is known already, or it has no price yet."""
    data = event.data
    if data.total is None:
        return None
    return await store.change(
        transaction,
        {
            "order_id": data.order_id,
            "number": data.number,
            "applicant_id": data.applicant_id,
            "kind": data.kind,
            "offering_title": data.offering_title,
            "payer_kind": data.payer_kind,
            "lines": [line.model_dump(mode="json") for line in data.lines],
            "total": data.total.amount,
            "currency": data.total.currency,
            "extras_as_lines": data.extras_as_lines,
            "content_sequence": event.sequence,
        },
    )


async def offerings_changed(transaction: Transaction, events: Sequence[Event[OfferingChanged]]) -> None:
    rows = [
        {
            "offering_id": event.data.offering_id,
            "title": event.data.title,
            "kind": event.data.kind,
            "terms": event.data.terms,
            "refunds_allowed": event.data.refunds_allowed,
            "legal_entity_id": event.data.legal_entity_id,
            "sequence": event.sequence,
        }
        for event in events
    ]
    await store.keep_offerings(transaction, rows)


async def customers_changed(transaction: Transaction, events: Sequence[Event[CustomerChanged]]) -> None:
    rows = [
        {
            "customer_id": event.data.customer_id,
            "display_name": event.data.display_name,
            "discount_group_id": event.data.discount_group_id,
            "erased": event.data.erased,
            "sequence": event.sequence,
        }
        for event in events
    ]
    await store.keep_customers(transaction, rows)


async def contacts_changed(transaction: Transaction, events: Sequence[Event[ContactChanged]]) -> None:
    """Of a person's contacts the address alone is kept, for receipts. One that is erased has none."""
    rows = [
        {
            "customer_id": event.data.person_id,
            "display_name": event.data.display_name,
            "email": event.data.email,
            "sequence": 0,
            "contact_sequence": event.sequence,
        }
        for event in events
    ]
    await store.keep_contacts(transaction, rows)
