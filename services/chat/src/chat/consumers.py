"""What chat hears: one line per subscription at the end.

What speaks of an order waits for its `placed`, which alone says whether a dialog becomes its conversation.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from foyer_chassis.consumer import Subscribe, handling
from foyer_chassis.db import Transaction
from foyer_contracts.booking import LocationChanged, ReservationRescheduled
from foyer_contracts.envelope import Event
from foyer_contracts.orders import (
    CustomerChanged,
    DraftCreated,
    DraftDiscarded,
    OfferingChanged,
    OrderAssigned,
    OrderCancelled,
    OrderChanged,
    OrderDeadlineChanged,
    OrderOverdue,
    OrderPlaced,
    OrderReturned,
    OrderStatusChanged,
)
from foyer_contracts.payments import PaymentSucceeded

from .domain.conversations import Conversation, Thread
from .domain.dialogs import Offering
from .store import conversations as store
from .store import copies
from .use_cases import conversations as talking
from .use_cases import dialogs

OfOrder = Callable[[Transaction, Event[Any], Conversation], Awaitable[None]]

#: The provider of what staff take themselves.
DESK = "desk"
#: Changes that `orders.order.cancelled` tells of, with its reason and what goes back.
TOLD_BY_CANCELLED = frozenset({"cancelled", "cancelled_refunding"})


async def on_paid(tx: Transaction, event: Event[PaymentSucceeded], conversation: Conversation) -> None:
    if event.data.provider == DESK:
        # Taken by staff, and not through the gateway (A23).
        return
    await talking.note_system(
        tx,
        conversation,
        event_id=event.id,
        template="payment_received",
        facts={"amount": event.data.amount.model_dump()},
        at=event.data.paid_at,
    )


async def on_status(tx: Transaction, event: Event[OrderStatusChanged], conversation: Conversation) -> None:
    order = event.data
    returned = order.actor.kind == "customer" and order.from_status == "awaiting_confirmation"
    if order.to_status in TOLD_BY_CANCELLED or (returned and order.to_status == "in_progress"):
        return
    facts: dict[str, Any] = {"status": order.to_status}
    if order.title is not None and (order.label is not None or order.from_status == order.to_status):
        facts["title"] = order.title.model_dump()
    await note(tx, event, conversation, "status_changed", facts)


async def on_cancelled(tx: Transaction, event: Event[OrderCancelled], conversation: Conversation) -> None:
    facts: dict[str, Any] = {"reason": event.data.reason}
    if event.data.refund.amount > 0:
        facts["refund"] = event.data.refund.model_dump()
    await note(tx, event, conversation, "order_cancelled", facts)


async def on_assigned(tx: Transaction, event: Event[OrderAssigned], conversation: Conversation) -> None:
    order = event.data
    await store.assign(
        tx,
        conversation.id,
        assignee_id=order.assignee_id,
        responsible_ids=order.responsible_ids,
        sequence=event.sequence,
    )
    facts = {"assignee_id": str(order.assignee_id)} if order.assignee_id else {}
    await note(tx, event, conversation, "order_assigned", facts, Thread.INTERNAL)


async def on_deadline(tx: Transaction, event: Event[OrderDeadlineChanged], conversation: Conversation) -> None:
    due = {"respond_by": event.data.respond_by, "complete_by": event.data.complete_by}
    facts: dict[str, Any] = {name: at.isoformat() for name, at in due.items() if at is not None}
    await note(tx, event, conversation, "deadline_changed", await with_zone(tx, conversation, facts), Thread.INTERNAL)


async def on_overdue(tx: Transaction, event: Event[OrderOverdue], conversation: Conversation) -> None:
    facts = {"deadline": event.data.deadline, "due_at": event.data.due_at.isoformat()}
    await note(tx, event, conversation, "order_overdue", await with_zone(tx, conversation, facts), Thread.INTERNAL)


async def on_returned(tx: Transaction, event: Event[OrderReturned], conversation: Conversation) -> None:
    await note(tx, event, conversation, "order_returned", {"note": event.data.note} if event.data.note else {})


async def on_changed(tx: Transaction, event: Event[OrderChanged], conversation: Conversation) -> None:
    order = event.data
    if "lines" not in order.changed or order.total is None:
        return
    facts: dict[str, Any] = {"total": order.total.model_dump()}
    if order.refund.amount > 0:
        facts["refund"] = order.refund.model_dump()
    await note(tx, event, conversation, "order_changed", facts)


async def on_rescheduled(tx: Transaction, event: Event[ReservationRescheduled], conversation: Conversation) -> None:
    facts: dict[str, Any] = {name: getattr(event.data, name).model_dump(mode="json") for name in ("places", "previous")}
    if event.data.moved:
        facts["moved"] = [each.model_dump(mode="json") for each in event.data.moved]
    await note(tx, event, conversation, "reservation_rescheduled", facts)


async def note(
    tx: Transaction,
    event: Event[Any],
    conversation: Conversation,
    template: str,
    facts: dict[str, Any],
    thread: Thread = Thread.PUBLIC,
) -> None:
    await talking.note_system(
        tx, conversation, thread=thread, event_id=event.id, template=template, facts=facts, at=event.time
    )


async def with_zone(tx: Transaction, conversation: Conversation, facts: dict[str, Any]) -> dict[str, Any]:
    zone = await copies.time_zone_of(tx, conversation)
    return {**facts, "time_zone": zone} if zone else facts


#: What speaks of an order that is placed.
OF_ORDERS: dict[type[Any], OfOrder] = {
    PaymentSucceeded: on_paid,
    OrderStatusChanged: on_status,
    OrderCancelled: on_cancelled,
    OrderAssigned: on_assigned,
    OrderDeadlineChanged: on_deadline,
    OrderOverdue: on_overdue,
    OrderReturned: on_returned,
    OrderChanged: on_changed,
    ReservationRescheduled: on_rescheduled,
}


async def when_placed(tx: Transaction, event: Event[Any]) -> None:
    conversation = await store.of_order(tx, event.data.order_id)
    if conversation is None:
        await copies.keep_early(tx, event)
    else:
        await OF_ORDERS[type(event.data)](tx, event, conversation)


async def on_placed(tx: Transaction, event: Event[OrderPlaced]) -> None:
    order = event.data
    conversation, was_dialog = await talking.open_for_order(
        tx, order_id=order.order_id, applicant_id=order.applicant_id, dialog_id=order.conversation_id
    )
    conversation = await talking.describe_order(
        tx,
        conversation,
        number=order.number,
        kind=order.kind,
        responsible_ids=order.responsible_ids,
        location_id=order.location_id,
        offering_id=order.offering_id,
        offering_title=order.offering_title,
        assignee_id=order.assignee_id,
        sequence=event.sequence,
    )
    if was_dialog:
        if order.draft_id is not None:
            await dialogs.draft_ended(tx, conversation.id, order.draft_id)
        await talking.tell_what_was_said_before(tx, conversation)
        await note(tx, event, conversation, "order_placed", {"number": order.number})
    for early in await copies.take_early(tx, order.order_id):
        with handling(early):
            await OF_ORDERS[type(early.data)](tx, early, conversation)


async def on_draft_created(tx: Transaction, event: Event[DraftCreated]) -> None:
    draft = event.data
    if draft.conversation_id is None:
        return
    dialog = await dialogs.draft_created(tx, draft.conversation_id, draft.draft_id)
    if dialog is not None and dialog.applicant_id == draft.applicant_id:
        await note(tx, event, dialog, "draft_created", {"draft_id": str(draft.draft_id)})


async def on_draft_discarded(tx: Transaction, event: Event[DraftDiscarded]) -> None:
    draft = event.data
    if draft.conversation_id is None:
        return
    dialog = await dialogs.draft_ended(tx, draft.conversation_id, draft.draft_id)
    if dialog is not None and dialog.applicant_id == draft.applicant_id:
        await note(tx, event, dialog, "draft_discarded", {"draft_id": str(draft.draft_id)})


async def on_offering(tx: Transaction, event: Event[OfferingChanged]) -> None:
    offering = event.data
    await dialogs.learn_offering(
        tx,
        Offering(
            offering_id=offering.offering_id,
            title=offering.title,
            kind=offering.kind,
            active=offering.active,
            dialog_before_order=offering.dialog_before_order,
            responsible_ids=tuple(offering.responsible_ids),
            location_ids=tuple(offering.location_ids),
            sequence=event.sequence,
        ),
    )


async def on_customer(tx: Transaction, event: Event[CustomerChanged]) -> None:
    if event.data.erased:
        await talking.erase(tx, event.data.customer_id)


async def on_location(tx: Transaction, event: Event[LocationChanged]) -> None:
    await copies.note_location(tx, event.data.location_id, time_zone=event.data.time_zone, sequence=event.sequence)


SUBSCRIPTIONS = [
    Subscribe(OrderPlaced, on_placed),
    Subscribe(PaymentSucceeded, when_placed),
    Subscribe(OrderStatusChanged, when_placed),
    Subscribe(OrderCancelled, when_placed),
    Subscribe(OrderAssigned, when_placed),
    Subscribe(OrderDeadlineChanged, when_placed),
    Subscribe(OrderOverdue, when_placed),
    Subscribe(OrderReturned, when_placed),
    Subscribe(OrderChanged, when_placed),
    Subscribe(ReservationRescheduled, when_placed),
    Subscribe(DraftCreated, on_draft_created),
    Subscribe(DraftDiscarded, on_draft_discarded),
    Subscribe(OfferingChanged, on_offering),
    Subscribe(CustomerChanged, on_customer),
    Subscribe(LocationChanged, on_location),
]
