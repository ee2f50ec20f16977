"""Accepting an order of any kind: what it must bring, what it costs as far as is known, until when it is due."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from foyer_chassis.db import Direct
from foyer_chassis.errors import InvalidError
from foyer_contracts import orders as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ...catalogue import store as catalogue
from ...catalogue.domain import (
    Kind,
    LocationCopy,
    Offering,
    ResourceCopy,
    UnknownOfferingError,
    UnknownResourceError,
    add_business_minutes,
    check_price,
)
from ...customers import store as customers
from ...statuses.domain import Directory
from .. import store
from ..domain.change import Happened, Priced
from ..domain.machine import Status
from ..domain.order import Actor, Line, LineState, Order, PayerKind, Rules, Slots
from ..domain.settling import PLACES, settle
from .events import event_actor, publish

MOST_LINES = 200


class ContentMismatchError(InvalidError):
    """An order of this kind needs another content; see `field` and `needs`."""

    title_en = "Something else is needed for this order"
    title_ru = "Для этого заказа нужны другие данные"


class UnknownItemError(InvalidError):
    """The offering has no such item, or it is not sold any more."""

    title_en = "Unknown item"
    title_ru = "Нет такого товара"


class UnknownPremisesError(InvalidError):
    """The customer has no such premises."""

    title_en = "Unknown premises"
    title_ru = "Нет такого помещения"


class StayDatesError(InvalidError):
    """A stay has at least one night, not in the past and at most a year long."""

    title_en = "Check the dates"
    title_ru = "Проверьте даты"


@dataclass(frozen=True, slots=True)
class WantedItem:
    item_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """What a caller asks for. One of `slots`, `ticket`, `stay`, `items` as the offering's kind needs it.

    Attributes:
        applicant_id: for whom; another than the caller only for staff who may order on behalf of customers.
        expected_total: the price the customer has seen, if any.
    """

    offering_id: UUID
    applicant_id: UUID
    applicant_name: str
    actor: Actor
    payer_kind: PayerKind = "individual"
    payer: Mapping[str, str] | None = None
    slots: Slots | None = None
    ticket: events.TicketRequest | None = None
    stay: events.StayRequest | None = None
    items: tuple[WantedItem, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    premises_id: UUID | None = None
    address: str | None = None
    comment: str | None = None
    extras_as_lines: bool = False
    expected_total: Money | None = None
    conversation_id: UUID | None = None
    draft_id: UUID | None = None


#: Kind → the one field of the content that it needs; the others are refused.
_CONTENT = {Kind.SLOT_BOOKING: "slots", Kind.COWORKING: "ticket", Kind.HOTEL: "stay", Kind.GOODS: "items"}


async def place_order(direct: Direct, placing: Placing, numbers: store.NumberBlock, directory: Directory) -> Order:
    """Accept an order (A1, A11, B26). Nothing is written yet: the caller stores it (`store.insert_new`, `store.add`).

    Raises:
        UnknownOfferingError, ContentMismatchError, AnswersInvalidError, UnknownPremisesError, UnknownItemError,
        PriceMismatchError, WrongCurrencyError, StayDatesError, and for slots what `ResourceCopy.check_slots` raises.
    """
    resource_id = None if placing.slots is None else placing.slots.resource_id
    offering, resource = await catalogue.find_for_order(direct, placing.offering_id, resource_id)
    if offering is None or not offering.active:
        raise UnknownOfferingError(field="offering_id")
    _check_content(offering, placing, now=direct.now)
    answers = offering.form.check(placing.answers)
    address, location_id = await _where(direct, offering, placing, resource)
    lines, total = await _price(direct, offering, placing, resource)
    respond_by, complete_by = await _deadlines(direct, offering, location_id)
    order = Order(
        id=new_id(direct.now),
        number=await numbers.take(direct),
        kind=offering.kind,
        offering_id=offering.id,
        offering_version=offering.version,
        offering_title=offering.title,
        legal_entity_id=offering.legal_entity_id,
        location_id=location_id,
        applicant_id=placing.applicant_id,
        applicant_name=placing.applicant_name,
        payer_kind=placing.payer_kind,
        payer=placing.payer,
        terms=offering.terms,
        rules=_rules(offering),
        responsible_ids=offering.responsible_ids,
        slots=placing.slots,
        wanted=_wanted(offering, placing),
        answers=answers,
        premises_id=placing.premises_id,
        address=address,
        comment=placing.comment,
        extras_as_lines=placing.extras_as_lines,
        conversation_id=placing.conversation_id,
        draft_id=placing.draft_id,
        currency=_currency(offering, resource, total),
        status=Status.NEW,
        version=1,
        created_at=direct.now,
        updated_at=direct.now,
        lines=lines,
        total=total,
        assignee_id=offering.assignee_id,
        respond_by=respond_by,
        complete_by=complete_by,
        staff_version=1 if placing.actor.kind == "staff" else 0,
    )
    direct.publish(_placed_event(order, placing), subject=order.id, sequence=order.version)
    happened: tuple[Happened, ...] = () if total is None else (Priced(),)
    settled = settle(order, direct.now) if order.kind not in PLACES else None
    if settled is not None:
        happened += settled.happened
        order = settled.order
    publish(direct, order, happened, directory)
    return order


def _check_content(offering: Offering, placing: Placing, *, now: datetime) -> None:
    needed = _CONTENT.get(offering.kind)
    for name in ("slots", "ticket", "stay", "items"):
        given = bool(getattr(placing, name))
        if given != (name == needed):
            raise ContentMismatchError(field=name, kind=offering.kind.value, needs=[needed] if needed else [])
    if offering.kind is Kind.PREMISES_REQUEST and placing.premises_id is None and not placing.address:
        raise ContentMismatchError(field="premises_id", kind=offering.kind.value, needs=["premises_id", "address"])
    if (stay := placing.stay) is not None:
        nights = (stay.departure - stay.arrival).days
        # A day earlier is still today somewhere; booking, which knows the zone, decides.
        if not 1 <= nights <= 366 or stay.arrival < (now - timedelta(days=1)).date():
            raise StayDatesError(field="stay.departure" if nights < 1 else "stay.arrival")
    if len(placing.items) > MOST_LINES:
        raise ContentMismatchError(field="items", most=MOST_LINES)


def _rules(offering: Offering) -> Rules:
    return Rules(
        customer_may_cancel=offering.customer_may_cancel,
        needs_file=offering.needs_file,
        needs_confirmation=offering.needs_confirmation,
        auto_close_minutes=offering.auto_close_minutes,
        refunds_allowed=offering.refunds_allowed,
        cancellation=offering.cancellation,
    )


def _wanted(offering: Offering, placing: Placing) -> dict[str, Any] | None:
    if placing.slots is not None:
        more = _slot_request(placing.slots).model_dump(
            mode="json", exclude={"resource_id", "starts_at", "ends_at"}, exclude_defaults=True
        )
        return {"slots": more} if more else None
    if placing.ticket is not None:
        return {"ticket": placing.ticket.model_dump(mode="json", exclude_none=True)}
    if placing.stay is not None:
        return {"stay": placing.stay.model_dump(mode="json", exclude_none=True)}
    if offering.membership_type_id is not None:
        return {"membership": {"membership_type_id": str(offering.membership_type_id)}}
    return None


async def _where(
    direct: Direct, offering: Offering, placing: Placing, resource: ResourceCopy | None
) -> tuple[str | None, UUID | None]:
    """The address, as it is now, and the location that the order belongs to."""
    address, location_id = placing.address, None
    if placing.premises_id is not None:
        premises = await customers.premises_for_order(direct, placing.applicant_id, placing.premises_id)
        if premises is None:
            raise UnknownPremisesError(field="premises_id")
        address, location_id = premises.address, premises.location_id
    if resource is not None:
        location_id = resource.location_id
    if location_id is None and len(offering.location_ids) == 1:
        location_id = offering.location_ids[0]
    return address, location_id


async def _price(
    direct: Direct, offering: Offering, placing: Placing, resource: ResourceCopy | None
) -> tuple[tuple[Line, ...], Money | None]:
    """Lines and total where orders knows them; places are priced by booking, postpaid work by an invoice."""
    if placing.slots is not None:
        if resource is None or (offering.resource_ids and resource.id not in offering.resource_ids):
            raise UnknownResourceError(field="slots.resource_id")
        slots = placing.slots
        count = resource.check_slots(slots.starts_at, slots.ends_at, quantity=slots.quantity, now=direct.now)
        check_price(resource.price * (count * slots.quantity), placing.expected_total)
        return (), None
    if placing.items:
        lines = await _goods_lines(direct, offering, placing.items)
    elif offering.price is not None and not offering.price_is_from and _is_priced_now(offering):
        lines = (Line(offering.title, 1, offering.price, offering.price),)
    else:
        return (), None
    total = sum((line.total for line in lines), Money.zero(lines[0].total.currency))
    check_price(total, placing.expected_total)
    return lines, total


def _is_priced_now(offering: Offering) -> bool:
    return offering.kind not in PLACES and offering.terms != "postpaid"


async def _goods_lines(direct: Direct, offering: Offering, wanted: tuple[WantedItem, ...]) -> tuple[Line, ...]:
    items = await catalogue.goods_items(direct, offering.id, [item.item_id for item in wanted])
    lines: list[Line] = []
    for position, want in enumerate(wanted):
        item = items.get(want.item_id)
        if item is None or not item.active:
            raise UnknownItemError(field=f"items.{position}.item_id")
        if lines and item.price.currency != lines[0].unit_price.currency:
            raise ContentMismatchError("All items of an order have one currency.", field=f"items.{position}.item_id")
        lines.append(
            Line(
                title=item.title,
                quantity=want.quantity,
                unit_price=item.price,
                total=item.price * want.quantity,
                id=new_id(),
                item_id=item.id,
                sku=item.sku,
                state=LineState.PENDING,
            )
        )
    return tuple(lines)


def _currency(offering: Offering, resource: ResourceCopy | None, total: Money | None) -> str:
    if total is not None:
        return total.currency
    if resource is not None:
        return resource.price.currency
    return offering.price.currency if offering.price is not None else "RUB"


async def _deadlines(
    direct: Direct, offering: Offering, location_id: UUID | None
) -> tuple[datetime | None, datetime | None]:
    """When it must be answered and completed, counted in the business hours of its location."""
    if offering.respond_within_minutes is None and offering.complete_within_minutes is None:
        return None, None
    location: LocationCopy | None = None
    if location_id is not None:
        location = await catalogue.location(direct, location_id)
    respond, complete = (
        None if minutes is None else add_business_minutes(direct.now, minutes, location)
        for minutes in (offering.respond_within_minutes, offering.complete_within_minutes)
    )
    return respond, complete


def _slot_request(slots: Slots) -> events.SlotRequest:
    return events.SlotRequest(
        resource_id=slots.resource_id,
        starts_at=slots.starts_at.astimezone(UTC),
        ends_at=slots.ends_at.astimezone(UTC),
        quantity=slots.quantity,
        recurrence=slots.recurrence,
        skip=list(slots.skip),
        offer_id=slots.offer_id,
    )


def _placed_event(order: Order, placing: Placing) -> events.OrderPlaced:
    wanted = order.wanted or {}
    return events.OrderPlaced(
        order_id=order.id,
        number=order.number,
        kind=order.kind.value,
        offering_id=order.offering_id,
        offering_title=order.offering_title,
        applicant_id=order.applicant_id,
        payer_kind=order.payer_kind,
        prepaid=order.prepaid,
        responsible_ids=list(order.responsible_ids),
        slots=None if order.slots is None else _slot_request(order.slots),
        ticket=placing.ticket,
        stay=placing.stay,
        membership=events.MembershipRequest(**wanted["membership"]) if "membership" in wanted else None,
        terms=order.terms,
        assignee_id=order.assignee_id,
        location_id=order.location_id,
        legal_entity_id=order.legal_entity_id,
        conversation_id=order.conversation_id,
        draft_id=order.draft_id,
        extras_as_lines=order.extras_as_lines,
        actor=event_actor(placing.actor),
        cancellation=_cancellation(order) if order.slots or placing.ticket or placing.stay else None,
    )


def _cancellation(order: Order) -> list[events.CancellationStep]:
    return [
        events.CancellationStep(hours_before=step.hours_before, fee_percent=step.fee_percent)
        for step in order.rules.cancellation
    ]
