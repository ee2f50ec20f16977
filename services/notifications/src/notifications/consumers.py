"""Everything the service does because of another's event, on one screen: it keeps its copies, and tells people."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import Subscribe, SubscribeMany
from foyer_chassis.db import Transaction
from foyer_contracts import booking, chat, orders, payments
from foyer_contracts.catalogue import EVENTS
from foyer_contracts.envelope import Event

from .order_copies import store as copies
from .order_copies.domain import OfferOver
from .order_copies.store import News
from .recipients import use_cases as recipients
from .telegram import use_cases as telegram
from .telling.domain.reminders import Schedule
from .telling.domain.rules import CANCELLED_GROUP, Happened
from .telling.use_cases import deliveries as telling
from .telling.use_cases import preferences, reminders
from .webhooks import use_cases as webhooks

#: A fact of an order that was moved before we heard whose it is.
MOVED_EARLY = "moved_early"


def people(order: Any) -> dict[str, Any]:
    """Who works on an order, as its events say."""
    return {
        "responsible_ids": tuple(order.responsible_ids),
        "assignee_id": order.assignee_id,
        "kind": order.kind,
    }


def who_works(event: Event[Any], facts: dict[str, Any], *, group: str | None = None, sequence: int = -1) -> News:
    return News(
        event.data.order_id,
        facts,
        group=group,
        sequence=sequence,
        applicant_id=event.data.applicant_id,
        assignee_sequence=event.sequence,
        **people(event.data),
    )


def _class_at(at: booking.ClassTime) -> dict[str, Any]:
    """Where and when a class is, as texts tell of places."""
    return {
        "resource_name": at.place,
        "location_name": at.location_name,
        "time_zone": at.time_zone,
        "starts_at": at.starts_at.isoformat(),
        "ends_at": at.ends_at.isoformat(),
    }


class Handlers:
    """What each event does here; `wake` starts the sending right after the commit."""

    def __init__(self, wake: Callable[[], None], schedule: Schedule) -> None:
        self._wake = wake
        self._schedule = schedule

    async def tell(
        self,
        tx: Transaction,
        event: Event[Any],
        facts: dict[str, Any],
        *,
        case: str | None = None,
        order_id: UUID | None = None,
        applicant_id: UUID | None = None,
        **more: Any,
    ) -> None:
        happened = Happened(
            event_id=event.id,
            event=event.type,
            case=case,
            order_id=order_id or getattr(event.data, "order_id", None),
            order_sequence=event.sequence if event.type.startswith("orders.order.") else None,
            applicant_id=applicant_id or event.data.applicant_id,
            facts=facts,
            **more,
        )
        if await telling.tell(tx, happened):
            tx.after_commit(self._wake)

    async def wake_waiting(self, tx: Transaction, order_id: UUID) -> None:
        if await telling.wake_of_order(tx, order_id):
            tx.after_commit(self._wake)

    # Orders

    async def on_placed(self, tx: Transaction, event: Event[orders.OrderPlaced]) -> None:
        order = event.data
        facts = {"number": order.number, "offering": order.offering_title}
        await copies.note(tx, who_works(event, facts, group="new", sequence=event.sequence))
        await self.wake_waiting(tx, order.order_id)
        await self.tell(tx, event, facts, **people(order))
        copy = await copies.copy(tx, order.order_id)
        if copy is not None and (early := copy.facts.get(MOVED_EARLY)):
            await self.tell_moved(tx, UUID(early["event_id"]), order.order_id, order.applicant_id, early["facts"])

    async def on_priced(self, tx: Transaction, event: Event[orders.OrderPriced]) -> None:
        order = event.data
        facts: dict[str, Any] = {"number": order.number, "total": order.total.model_dump()}
        if order.pay_until is not None:
            facts["pay_until"] = order.pay_until.isoformat()
        await copies.note(tx, News(order.order_id, facts, applicant_id=order.applicant_id))
        await self.wake_waiting(tx, order.order_id)

    async def on_status(self, tx: Transaction, event: Event[orders.OrderStatusChanged]) -> None:
        order = event.data
        facts: dict[str, Any] = {"number": order.number, "offering": order.offering_title}
        if order.group == CANCELLED_GROUP:
            facts["cancel_told"] = True
            if order.note and order.actor.kind == "staff":
                facts["cancel_note"] = order.note
        news = News(
            order.order_id,
            facts,
            group=order.group,
            sequence=event.sequence,
            kind=order.kind,
            applicant_id=order.applicant_id,
        )
        await copies.note(tx, news)
        if order.group == CANCELLED_GROUP:
            await self.wake_waiting(tx, order.order_id)
        elif order.actor.id != order.applicant_id or order.to_status == "done":
            status: dict[str, Any] = {**facts, "status": order.to_status}
            if order.title is not None:
                status["title"] = order.title.model_dump()
            if order.label is not None:
                status["label"] = order.label
            await self.tell(tx, event, status, case=order.to_status)

    async def on_cancelled(self, tx: Transaction, event: Event[orders.OrderCancelled]) -> None:
        order = event.data
        known = {"number": order.number}
        await copies.note(tx, News(order.order_id, known, group=CANCELLED_GROUP, sequence=event.sequence))
        facts: dict[str, Any] = {"number": order.number, "reason": order.reason}
        money_back = order.refund.amount > 0
        if money_back:
            facts["refund"] = order.refund.model_dump()
        await self.tell(tx, event, facts, case="money_back" if money_back else "nothing_back")

    async def on_assigned(self, tx: Transaction, event: Event[orders.OrderAssigned]) -> None:
        order = event.data
        facts = {"number": order.number, "offering": order.offering_title}
        await copies.note(tx, who_works(event, facts))
        await self.tell(tx, event, facts, **people(order), actor_id=order.actor.id)

    async def on_returned(self, tx: Transaction, event: Event[orders.OrderReturned]) -> None:
        order = event.data
        facts: dict[str, Any] = {"number": order.number, "offering": order.offering_title}
        if order.note:
            facts["note"] = order.note
        await self.tell(tx, event, facts, **people(order))

    async def on_overdue(self, tx: Transaction, event: Event[orders.OrderOverdue]) -> None:
        order = event.data
        facts = {"number": order.number, "offering": order.offering_title, "due_at": order.due_at.isoformat()}
        await self.tell(tx, event, facts, case=order.deadline, **people(order))

    async def on_completed(self, tx: Transaction, event: Event[orders.OrderCompleted]) -> None:
        await self.tell(tx, event, {"number": event.data.number, "offering": event.data.offering_title})
        await reminders.done(tx, event.data.order_id, self._schedule)

    async def on_rated(self, tx: Transaction, event: Event[orders.OrderRated]) -> None:
        await copies.note(tx, News(event.data.order_id, {"rated": True}))

    async def on_changed(self, tx: Transaction, event: Event[orders.OrderChanged]) -> None:
        order = event.data
        if "lines" not in order.changed or order.actor.id == order.applicant_id or order.total is None:
            return
        facts: dict[str, Any] = {
            "number": order.number, "offering": order.offering_title, "total": order.total.model_dump(),
        }  # fmt: skip
        if order.refund.amount > 0:
            facts["refund"] = order.refund.model_dump()
        await self.tell(tx, event, facts, case="lines")

    async def on_draft(self, tx: Transaction, event: Event[orders.DraftCreated]) -> None:
        draft = event.data
        facts = {"offering": draft.offering_title, "draft_id": str(draft.draft_id)}
        await self.tell(tx, event, facts, case=draft.actor.kind)

    async def on_offering(self, tx: Transaction, event: Event[orders.OfferingChanged]) -> None:
        offering = event.data
        await copies.note_offering(
            tx, offering.offering_id, title=offering.title, kind=offering.kind, sequence=event.sequence
        )

    # Booking

    async def on_held(self, tx: Transaction, event: Event[booking.PlacesHeld]) -> None:
        await self.note_places(tx, event, {"total": event.data.total.model_dump()})
        await reminders.held(tx, event.data.order_id, event.data.expires_at, self._schedule)

    async def on_reserved(self, tx: Transaction, event: Event[booking.ReservationConfirmed]) -> None:
        await self.note_places(tx, event, {})

    async def on_moved(self, tx: Transaction, event: Event[booking.ReservationRescheduled]) -> None:
        await self.note_places(tx, event, {})
        facts: dict[str, Any] = {
            name: getattr(event.data, name).model_dump(mode="json") for name in ("places", "previous")
        }
        if event.data.moved:
            facts["moved"] = [each.model_dump(mode="json") for each in event.data.moved]
        order_id = event.data.order_id
        copy = await copies.copy(tx, order_id)
        if copy is not None and copy.applicant_id is not None:
            await self.tell_moved(tx, event.id, order_id, copy.applicant_id, facts)
        else:
            # Whose order it is, its `placed` will say.
            await copies.note(tx, News(order_id, {MOVED_EARLY: {"event_id": str(event.id), "facts": facts}}))

    async def tell_moved(
        self, tx: Transaction, event_id: UUID, order_id: UUID, applicant_id: UUID, facts: dict[str, Any]
    ) -> None:
        happened = Happened(
            event_id=event_id,
            event=booking.ReservationRescheduled.type,
            case=None,
            order_id=order_id,
            order_sequence=None,
            applicant_id=applicant_id,
            facts=facts,
        )
        if await telling.tell(tx, happened):
            tx.after_commit(self._wake)

    async def on_ticket(self, tx: Transaction, event: Event[booking.TicketIssued]) -> None:
        places = event.data.places.model_dump(mode="json")
        await self.tell(tx, event, {"ticket": event.data.number, "places": places})

    async def on_pass(self, tx: Transaction, event: Event[booking.PassIssued]) -> None:
        facts = {"pass_number": event.data.number, "offering": event.data.title}
        await self.tell(tx, event, facts, applicant_id=event.data.buyer_id)

    async def on_pass_code(self, tx: Transaction, event: Event[booking.PassCodeIssued]) -> None:
        facts = {"pass_number": event.data.number, "offering": event.data.title, "code": event.data.code}
        await self.tell(tx, event, facts, applicant_id=event.data.buyer_id)

    async def on_attached(self, tx: Transaction, event: Event[booking.PassAttached]) -> None:
        facts: dict[str, Any] = {"pass_number": event.data.number}
        if event.data.valid_until is not None:
            facts["valid_until"] = event.data.valid_until.isoformat()
        await self.tell(tx, event, facts, applicant_id=event.data.buyer_id)

    async def on_withdrawn(self, tx: Transaction, event: Event[booking.PassWithdrawn]) -> None:
        await self.tell(tx, event, {"pass_number": event.data.number}, applicant_id=event.data.buyer_id)

    async def on_class(
        self, tx: Transaction, event: Event[booking.ClassBooked] | Event[booking.ClassCancelled]
    ) -> None:
        item = event.data
        facts: dict[str, Any] = {"offering": item.title, "starts_at": item.starts_at.isoformat()}
        if item.time_zone is not None:
            facts["time_zone"] = item.time_zone
        case = None
        if isinstance(item, booking.ClassCancelled):
            case, facts["visit_returned"] = item.reason, bool(item.visit_returned)
        await self.tell(tx, event, facts, case=case, applicant_id=item.customer_id or item.visitor_id)

    async def on_class_changed(self, tx: Transaction, event: Event[booking.ClassChanged]) -> None:
        item = event.data
        facts: dict[str, Any] = {"offering": item.title, "places": _class_at(item.now)}
        if item.now.trainer is not None:
            facts["trainer"] = item.now.trainer
        moved = "time" in item.changed
        if moved:
            facts["previous"] = _class_at(item.previous)
        person = item.customer_id or item.visitor_id
        await self.tell(tx, event, facts, case="time" if moved else None, applicant_id=person)

    async def on_offer(self, tx: Transaction, event: Event[booking.OfferMade]) -> None:
        offer = event.data
        places = {
            "resource_name": offer.resource_name,
            "starts_at": offer.starts_at.isoformat(),
            "ends_at": offer.ends_at.isoformat(),
        }
        facts = {"places": places, "pay_until": offer.expires_at.isoformat(), "offer_id": str(offer.offer_id)}
        await self.tell(tx, event, facts)

    async def on_offer_taken(self, tx: Transaction, event: Event[booking.OfferTaken]) -> None:
        await self._offer_over(tx, event, OfferOver.TAKEN)

    async def on_offer_ended(self, tx: Transaction, event: Event[booking.OfferExpired]) -> None:
        await self._offer_over(tx, event, OfferOver.ENDED)

    async def _offer_over(self, tx: Transaction, event: Event[Any], how: OfferOver) -> None:
        await copies.note_offer_over(tx, event.data.offer_id, how)
        if await telling.wake_of_recipient(tx, event.data.applicant_id):
            tx.after_commit(self._wake)

    async def note_places(self, tx: Transaction, event: Event[Any], facts: dict[str, Any]) -> None:
        news = News(
            event.data.order_id,
            facts,
            places=event.data.places.model_dump(mode="json"),
            reservation_id=event.data.reservation_id,
            reservation_sequence=event.sequence,
        )
        await copies.note(tx, news)
        await reminders.booked(tx, event.data.order_id, self._schedule)
        await self.wake_waiting(tx, event.data.order_id)

    # Payments

    async def on_link(self, tx: Transaction, event: Event[payments.PaymentLinkCreated]) -> None:
        await self.tell(tx, event, {"amount": event.data.amount.model_dump(), "url": event.data.url})

    async def on_paid(self, tx: Transaction, event: Event[payments.PaymentSucceeded]) -> None:
        if event.data.invoice_paid:
            await copies.note(tx, News(event.data.order_id, paid=True))

    async def on_invoice(self, tx: Transaction, event: Event[payments.InvoiceActivated]) -> None:
        invoice = event.data
        facts = {"amount": invoice.total.model_dump(), "invoice": invoice.number, "invoice_id": str(invoice.invoice_id)}
        await self.tell(tx, event, facts)
        await reminders.invoice_shown(tx, invoice.order_id, invoice.invoice_id, facts, self._schedule)

    async def on_invoice_settled(
        self, tx: Transaction, event: Event[payments.InvoicePaid] | Event[payments.InvoiceCancelled]
    ) -> None:
        await copies.note(tx, News(event.data.order_id, {f"invoice:{event.data.invoice_id}": event.type.split(".")[2]}))

    async def on_refunded(self, tx: Transaction, event: Event[payments.RefundSucceeded]) -> None:
        await self.tell(tx, event, {"amount": event.data.amount.model_dump()})

    async def on_refund_failed(self, tx: Transaction, event: Event[payments.RefundFailed]) -> None:
        refund = event.data
        facts = {"amount": refund.amount.model_dump(), "reason": refund.reason, "attempts": refund.attempts}
        await self.tell(tx, event, facts)

    async def on_refund_requested(self, tx: Transaction, event: Event[payments.RefundRequested]) -> None:
        await self.tell(tx, event, {"amount": event.data.amount.model_dump()})

    async def on_refund_rejected(self, tx: Transaction, event: Event[payments.RefundRejected]) -> None:
        await self.tell(tx, event, {"amount": event.data.amount.model_dump(), "note": event.data.reason})

    async def on_topped_up(self, tx: Transaction, event: Event[payments.AccountToppedUp]) -> None:
        account = event.data
        facts = {"amount": account.amount.model_dump(), "balance": account.balance.model_dump()}
        await self.tell(tx, event, facts, applicant_id=account.customer_id)

    async def on_insufficient(self, tx: Transaction, event: Event[payments.AccountInsufficient]) -> None:
        account = event.data
        facts = {"amount": account.amount.model_dump(), "balance": account.balance.model_dump()}
        await self.tell(tx, event, facts, applicant_id=account.customer_id)

    # Chat

    async def on_message(self, tx: Transaction, event: Event[chat.MessagePosted]) -> None:
        message = event.data
        if message.author_kind == "system":
            return
        facts: dict[str, Any] = {"conversation_id": str(message.conversation_id)}
        case: str = message.author_kind if message.thread == "public" else message.thread
        if message.thread == "public":
            facts["conversation_sequence"] = event.sequence
            if message.count is not None:
                facts["count"] = message.count
            await self._posted(tx, event)
        order = await copies.copy(tx, message.order_id)
        await self.tell(
            tx,
            event,
            facts,
            case=case,
            responsible_ids=order.responsible_ids if order else (),
            assignee_id=order.assignee_id if order else None,
            kind=(order.kind if order else None) or "",
            actor_id=message.author_id,
        )

    async def on_dialog(self, tx: Transaction, event: Event[chat.DialogPosted]) -> None:
        message = event.data
        if message.author_kind == "system":
            return
        await self._posted(tx, event)
        offering = await copies.offering(tx, message.offering_id)
        facts: dict[str, Any] = {
            "conversation_id": str(message.conversation_id),
            "conversation_sequence": event.sequence,
        }
        if offering is not None:
            facts["offering"] = offering.title
        await self.tell(
            tx,
            event,
            facts,
            case=message.author_kind,
            applicant_id=message.customer_id,
            responsible_ids=tuple(message.responsible_ids),
            kind=offering.kind if offering else "",
            actor_id=message.author_id,
        )

    async def _posted(self, tx: Transaction, event: Event[Any]) -> None:
        side = f"{event.data.author_kind}_posted"
        await copies.note_conversation(tx, event.data.conversation_id, **{side: event.sequence})

    async def on_read(self, tx: Transaction, event: Event[chat.ConversationRead]) -> None:
        side = f"{event.data.reader_kind}_seen"
        await copies.note_conversation(tx, event.data.conversation_id, **{side: event.data.seen})

    # People

    async def on_customer(self, tx: Transaction, event: Event[orders.CustomerChanged]) -> None:
        customer = event.data
        if customer.erased:
            await recipients.forget(tx, customer.customer_id, sequence=event.sequence)
            await preferences.forget(tx, customer.customer_id)
            await telegram.unlink(tx, customer.customer_id)
            await webhooks.forget_person(tx, customer.customer_id)
            return
        await recipients.learn_profile(
            tx,
            customer.customer_id,
            name=customer.display_name,
            locale=customer.locale,
            sequence=event.sequence,
        )

    async def on_contact(self, tx: Transaction, event: Event[orders.ContactChanged]) -> None:
        contact = event.data
        await recipients.learn_contact(
            tx,
            contact.person_id,
            name=contact.display_name,
            locale=contact.locale,
            email=contact.email,
            phone=contact.phone,
            sequence=event.sequence,
        )
        if await telling.wake_of_recipient(tx, contact.person_id):
            tx.after_commit(self._wake)


def subscriptions(
    wake: Callable[[], None], wake_webhooks: Callable[[], None], schedule: Schedule
) -> list[Subscribe | SubscribeMany]:
    """What the service subscribes to: what it tells of, and every public event for webhooks."""
    on = Handlers(wake, schedule)

    async def pass_on(tx: Transaction, events: Sequence[Event[Any]]) -> None:
        if await webhooks.queue(tx, events):
            tx.after_commit(wake_webhooks)

    return [
        Subscribe(orders.OrderPlaced, on.on_placed),
        Subscribe(orders.OrderPriced, on.on_priced),
        Subscribe(orders.OrderStatusChanged, on.on_status),
        Subscribe(orders.OrderCancelled, on.on_cancelled),
        Subscribe(orders.OrderAssigned, on.on_assigned),
        Subscribe(orders.OrderReturned, on.on_returned),
        Subscribe(orders.OrderOverdue, on.on_overdue),
        Subscribe(orders.OrderCompleted, on.on_completed),
        Subscribe(orders.OrderRated, on.on_rated),
        Subscribe(orders.OrderChanged, on.on_changed),
        Subscribe(orders.DraftCreated, on.on_draft),
        Subscribe(orders.OfferingChanged, on.on_offering),
        Subscribe(booking.PlacesHeld, on.on_held),
        Subscribe(booking.ReservationConfirmed, on.on_reserved),
        Subscribe(booking.ReservationRescheduled, on.on_moved),
        Subscribe(booking.TicketIssued, on.on_ticket),
        Subscribe(booking.PassIssued, on.on_pass),
        Subscribe(booking.PassCodeIssued, on.on_pass_code),
        Subscribe(booking.PassAttached, on.on_attached),
        Subscribe(booking.PassWithdrawn, on.on_withdrawn),
        Subscribe(booking.ClassBooked, on.on_class),
        Subscribe(booking.ClassCancelled, on.on_class),
        Subscribe(booking.ClassChanged, on.on_class_changed),
        Subscribe(booking.OfferMade, on.on_offer),
        Subscribe(booking.OfferTaken, on.on_offer_taken),
        Subscribe(booking.OfferExpired, on.on_offer_ended),
        Subscribe(payments.PaymentLinkCreated, on.on_link),
        Subscribe(payments.PaymentSucceeded, on.on_paid),
        Subscribe(payments.InvoiceActivated, on.on_invoice),
        Subscribe(payments.InvoicePaid, on.on_invoice_settled),
        Subscribe(payments.InvoiceCancelled, on.on_invoice_settled),
        Subscribe(payments.RefundSucceeded, on.on_refunded),
        Subscribe(payments.RefundFailed, on.on_refund_failed),
        Subscribe(payments.RefundRequested, on.on_refund_requested),
        Subscribe(payments.RefundRejected, on.on_refund_rejected),
        Subscribe(payments.AccountToppedUp, on.on_topped_up),
        Subscribe(payments.AccountInsufficient, on.on_insufficient),
        Subscribe(chat.MessagePosted, on.on_message),
        Subscribe(chat.DialogPosted, on.on_dialog),
        Subscribe(chat.ConversationRead, on.on_read),
        Subscribe(orders.CustomerChanged, on.on_customer),
        Subscribe(orders.ContactChanged, on.on_contact),
        *(SubscribeMany(data, pass_on) for data in EVENTS if not data.private),
    ]
