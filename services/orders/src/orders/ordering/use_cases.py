"""One function per thing that can happen to an order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Direct, Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts import orders as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ..catalogue import store as catalogue_store
from ..catalogue.domain import UnknownOfferingError, UnknownResourceError, check_price
from . import domain, store
from .domain import Actor, Change, Order, Slots, Status


@dataclass(frozen=True, slots=True)
class Placing:
    """What a caller asks for.

    Attributes:
        applicant_id: for whom; another than the caller only for staff who may order on behalf of customers.
        expected_total: the price the customer has seen, if any.
    """

    offering_id: UUID
    slots: Slots
    applicant_id: UUID
    payer_kind: Literal["individual", "company"]
    expected_total: Money | None
    comment: str | None


async def place_order(direct: Direct, placing: Placing, numbers: store.NumberBlock) -> Order:
    """Accept an order of slots (A11): booking then holds the places and names the price.

    Nothing is written yet: the caller stores the order with its answer (`store.insert_new`).

    Raises:
        UnknownOfferingError, UnknownResourceError, InThePastError, OutsideOpeningHoursError, NotOnSlotGridError,
        PriceMismatchError, WrongCurrencyError.
    """
    offering, resource = await catalogue_store.find_for_order(direct, placing.offering_id, placing.slots.resource_id)
    if offering is None or not offering.active:
        raise UnknownOfferingError(field="offering_id")
    if resource is None or (offering.resource_ids and resource.id not in offering.resource_ids):
        raise UnknownResourceError(field="slots.resource_id")
    count = resource.check_slots(placing.slots.starts_at, placing.slots.ends_at, now=direct.now)
    check_price(resource.price * count, placing.expected_total)
    order = Order(
        id=new_id(),
        number=await numbers.take(direct),
        kind=offering.kind.value,
        offering_id=offering.id,
        offering_title=offering.title,
        applicant_id=placing.applicant_id,
        payer_kind=placing.payer_kind,
        prepaid=offering.prepaid,
        customer_may_cancel=offering.customer_may_cancel,
        responsible_ids=offering.responsible_ids,
        slots=placing.slots,
        comment=placing.comment,
        currency=resource.price.currency,
        status=Status.NEW,
        version=1,
        created_at=direct.now,
        updated_at=direct.now,
    )
    direct.publish(
        events.OrderPlaced(
            order_id=order.id,
            number=order.number,
            kind=order.kind,
            offering_id=order.offering_id,
            offering_title=order.offering_title,
            applicant_id=order.applicant_id,
            payer_kind=order.payer_kind,
            prepaid=order.prepaid,
            responsible_ids=list(order.responsible_ids),
            slots=events.SlotRequest(
                resource_id=order.slots.resource_id,
                starts_at=order.slots.starts_at.astimezone(UTC),
                ends_at=order.slots.ends_at.astimezone(UTC),
            ),
        ),
        subject=order.id,
        sequence=order.version,
    )
    return order


async def cancel_order(
    transaction: Transaction, caller: Caller, number: int, *, note: str | None, if_version: int | None
) -> Order:
    """A person cancels an order (A25, B14).

    Raises:
        NotFoundError: there is no such order that the caller may see.
        StaleError: it is no longer at `if_version`.
        CannotBeCancelledError: see `domain.cancel`.
    """
    order = await visible_order(transaction, caller, number, lock=True)
    if if_version is not None and order.version != if_version:
        raise StaleError(version=order.version, status_now=order.status.value)
    actor = actor_of(caller)
    reason = domain.STAFF_DECISION if actor.kind == "staff" else domain.CUSTOMER_REQUEST
    return _keep(transaction, order, domain.cancel(order, actor, reason=reason, note=note))


async def visible_order(transaction: Transaction, caller: Caller, number: int, *, lock: bool = False) -> Order:
    """Raises NotFoundError: there is no such order that the caller may see."""
    order = await store.by_number(transaction, number, lock=lock)
    if order is None or not (caller.may("orders:read_all") or order.applicant_id == caller.id):
        raise NotFoundError
    return order


async def hear(transaction: Transaction, order_id: UUID, make: Callable[[Order], Change]) -> None:
    """Another service told something about an order. What concerns an order unknown here is not ours."""
    order = await store.by_id_locked(transaction, order_id)
    if order is not None:
        _keep(transaction, order, make(order))


def _keep(transaction: Transaction, before: Order, change: Change) -> Order:
    """Store the change, if there is one, and publish what happened."""
    if change.order == before and not change.happened:
        return before
    order = replace(change.order, version=before.version + 1, updated_at=max(transaction.now, before.updated_at))
    status_changes = [item for item in change.happened if isinstance(item, domain.StatusChanged)]
    store.save(transaction, order, status_changes)
    for item in change.happened:
        transaction.publish(_event(order, item), subject=order.id, sequence=order.version)
    return order


def _event(
    order: Order, happened: domain.Happened
) -> events.OrderStatusChanged | events.OrderPriced | events.OrderCancelled:
    match happened:
        case domain.StatusChanged():
            return events.OrderStatusChanged(
                order_id=order.id,
                number=order.number,
                kind=order.kind,
                offering_title=order.offering_title,
                applicant_id=order.applicant_id,
                from_status=happened.before.value,
                to_status=happened.after.value,
                group=domain.GROUPS[happened.after],
                reason=happened.reason,
                note=happened.note,
                actor=_actor(happened.actor),
            )
        case domain.Cancelled():
            return events.OrderCancelled(
                order_id=order.id,
                number=order.number,
                applicant_id=order.applicant_id,
                reason=happened.reason,
                paid=order.money(order.paid),
                fee=order.money(0),
                refund=happened.refund,
                actor=_actor(happened.actor),
            )
        case domain.Priced():
            assert order.total is not None
            return events.OrderPriced(
                order_id=order.id,
                number=order.number,
                applicant_id=order.applicant_id,
                payer_kind=order.payer_kind,
                prepaid=order.prepaid,
                description=f"№ {order.number}: {order.offering_title}",
                lines=[
                    events.Line(title=line.title, quantity=line.quantity, unit_price=line.unit_price, total=line.total)
                    for line in order.lines
                ],
                total=order.total,
                pay_until=order.pay_until,
            )


def actor_of(caller: Caller) -> Actor:
    return Actor("staff" if caller.is_staff else "customer", caller.id)


def _actor(actor: Actor) -> events.Actor:
    return events.Actor(kind=actor.kind, id=actor.id)


def places_as_text(places: Mapping[str, object]) -> dict[str, str]:
    """Booking's description of the places, as the card shows it."""
    return {name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in places.items()}
