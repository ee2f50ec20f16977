"""Everything the service does because of another's event, on one screen: it keeps its copies, and tells people."""

from collections.abc import Callable
from typing import Any

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_contracts.booking import PlacesHeld, ReservationConfirmed
from foyer_contracts.envelope import Event
from foyer_contracts.orders import (
    ContactChanged,
    CustomerChanged,
    OrderCancelled,
    OrderPlaced,
    OrderPriced,
    OrderStatusChanged,
)
from foyer_contracts.payments import PaymentLinkCreated, PaymentSucceeded, RefundFailed, RefundSucceeded

from .order_copies import store as copies
from .order_copies.store import News
from .recipients import use_cases as recipients
from .telling import use_cases as telling
from .telling.domain import CANCELLED_GROUP, Happened


class Handlers:
    """What each event does here; `wake` starts the sending right after the commit."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    async def tell(
        self,
        transaction: Transaction,
        event: Event[Any],
        facts: dict[str, Any],
        *,
        case: str | None = None,
        order_sequence: int | None = None,
        **more: Any,
    ) -> None:
        happened = Happened(
            event_id=event.id,
            event=event.type,
            case=case,
            order_id=event.data.order_id,
            order_sequence=order_sequence,
            applicant_id=event.data.applicant_id,
            facts=facts,
            **more,
        )
        if await telling.tell(transaction, happened):
            transaction.after_commit(self._wake)

    async def wake_waiting(self, transaction: Transaction, event: Event[Any]) -> None:
        if await telling.wake_of_order(transaction, event.data.order_id):
            transaction.after_commit(self._wake)

    async def on_placed(self, transaction: Transaction, event: Event[OrderPlaced]) -> None:
        order = event.data
        facts = {"number": order.number, "offering": order.offering_title}
        await copies.note(transaction, News(order.order_id, facts, group="new", sequence=event.sequence))
        await self.wake_waiting(transaction, event)
        await self.tell(
            transaction,
            event,
            facts,
            order_sequence=event.sequence,
            responsible_ids=tuple(order.responsible_ids),
            kind=order.kind,
        )

    async def on_priced(self, transaction: Transaction, event: Event[OrderPriced]) -> None:
        order = event.data
        facts: dict[str, Any] = {"number": order.number, "total": order.total.model_dump()}
        if order.pay_until is not None:
            facts["pay_until"] = order.pay_until.isoformat()
        await copies.note(transaction, News(order.order_id, facts))
        await self.wake_waiting(transaction, event)

    async def on_status(self, transaction: Transaction, event: Event[OrderStatusChanged]) -> None:
        order = event.data
        facts = {"number": order.number, "offering": order.offering_title}
        await copies.note(transaction, News(order.order_id, facts, group=order.group, sequence=event.sequence))
        if order.group != CANCELLED_GROUP:
            status = {**facts, "status": order.to_status}
            await self.tell(transaction, event, status, case=order.to_status, order_sequence=event.sequence)

    async def on_cancelled(self, transaction: Transaction, event: Event[OrderCancelled]) -> None:
        order = event.data
        known = {"number": order.number}
        await copies.note(transaction, News(order.order_id, known, group=CANCELLED_GROUP, sequence=event.sequence))
        facts: dict[str, Any] = {"number": order.number, "reason": order.reason}
        money_back = order.refund.amount > 0
        if money_back:
            facts["refund"] = order.refund.model_dump()
        case = "money_back" if money_back else "nothing_back"
        await self.tell(transaction, event, facts, case=case, order_sequence=event.sequence)

    async def on_held(self, transaction: Transaction, event: Event[PlacesHeld]) -> None:
        await self.note_places(transaction, event, {"total": event.data.total.model_dump()})

    async def on_reserved(self, transaction: Transaction, event: Event[ReservationConfirmed]) -> None:
        await self.note_places(transaction, event, {})

    async def note_places(self, transaction: Transaction, event: Event[Any], facts: dict[str, Any]) -> None:
        news = News(
            event.data.order_id,
            facts,
            places=event.data.places.model_dump(mode="json"),
            reservation_id=event.data.reservation_id,
            reservation_sequence=event.sequence,
        )
        await copies.note(transaction, news)
        await self.wake_waiting(transaction, event)

    async def on_link(self, transaction: Transaction, event: Event[PaymentLinkCreated]) -> None:
        await self.tell(transaction, event, {"amount": event.data.amount.model_dump(), "url": event.data.url})

    async def on_paid(self, transaction: Transaction, event: Event[PaymentSucceeded]) -> None:
        if event.data.invoice_paid:
            await copies.note(transaction, News(event.data.order_id, paid=True))

    async def on_refunded(self, transaction: Transaction, event: Event[RefundSucceeded]) -> None:
        await self.tell(transaction, event, {"amount": event.data.amount.model_dump()})

    async def on_refund_failed(self, transaction: Transaction, event: Event[RefundFailed]) -> None:
        refund = event.data
        facts = {"amount": refund.amount.model_dump(), "reason": refund.reason, "attempts": refund.attempts}
        await self.tell(transaction, event, facts)

    async def on_customer(self, transaction: Transaction, event: Event[CustomerChanged]) -> None:
        customer = event.data
        await recipients.learn_profile(
            transaction,
            customer.customer_id,
            name=customer.display_name,
            locale=customer.locale,
            sequence=event.sequence,
        )

    async def on_contact(self, transaction: Transaction, event: Event[ContactChanged]) -> None:
        contact = event.data
        await recipients.learn_contact(
            transaction,
            contact.person_id,
            name=contact.display_name,
            locale=contact.locale,
            email=contact.email,
            phone=contact.phone,
            sequence=event.sequence,
        )
        if await telling.wake_of_recipient(transaction, contact.person_id):
            transaction.after_commit(self._wake)


def subscriptions(wake: Callable[[], None]) -> list[Subscribe]:
    """What the service subscribes to."""
    handlers = Handlers(wake)
    return [
        Subscribe(OrderPlaced, handlers.on_placed),
        Subscribe(OrderPriced, handlers.on_priced),
        Subscribe(OrderStatusChanged, handlers.on_status),
        Subscribe(OrderCancelled, handlers.on_cancelled),
        Subscribe(PlacesHeld, handlers.on_held),
        Subscribe(ReservationConfirmed, handlers.on_reserved),
        Subscribe(PaymentLinkCreated, handlers.on_link),
        Subscribe(PaymentSucceeded, handlers.on_paid),
        Subscribe(RefundSucceeded, handlers.on_refunded),
        Subscribe(RefundFailed, handlers.on_refund_failed),
        Subscribe(CustomerChanged, handlers.on_customer),
        Subscribe(ContactChanged, handlers.on_contact),
    ]
