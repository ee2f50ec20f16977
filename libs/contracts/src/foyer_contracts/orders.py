"""Events that the orders service publishes."""

from datetime import date, time
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from .envelope import EventData, Instant
from .money import Money


class Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Actor(Part):
    """Who did it: a customer, a member of staff, or the system by itself (then without an id)."""

    kind: Literal["customer", "staff", "system"]
    id: UUID | None = None


class SlotRequest(Part):
    """The slots of a resource that an order asks for: all slots from `starts_at` up to `ends_at`.

    Attributes:
        quantity: how many of the equal places of a resource that has several.
        recurrence: the value of an RRULE (RFC 5545), e.g. `FREQ=WEEKLY;COUNT=10`, by the wall clock of the location;
            the first occurrence is from `starts_at` to `ends_at` (X5).
        skip: local dates of occurrences that are left out.
        offer_id: what was kept for the applicant and is taken now: an offer of the waiting list (X5) or one asked for.
    """

    resource_id: UUID
    starts_at: Instant
    ends_at: Instant
    quantity: StrictInt = Field(default=1, ge=1)
    recurrence: str | None = None
    skip: list[date] = []
    offer_id: UUID | None = None


class Visitor(Part):
    """Who comes, by name only: contacts never travel on the public exchange."""

    name: str
    id: UUID | None = None


class TicketRequest(Part):
    """Coworking places asked for (A16): `quantity` units of a tariff (hours, days, weeks, months) from `starts_at`.

    `place_id` asks for one numbered place; without it any free one will do. `offer_id`: what was kept for the applicant
    and is taken now.
    """

    space_id: UUID
    tariff_id: UUID
    starts_at: Instant
    quantity: StrictInt = Field(ge=1)
    visitor: Visitor
    place_id: UUID | None = None
    offer_id: UUID | None = None


class StayExtra(Part):
    """An extra of a stay, e.g. meals or a taxi; `at` is the local time of those that have one (early check-in)."""

    extra_id: UUID
    quantity: StrictInt = Field(ge=1)
    at: time | None = None


class StayRequest(Part):
    """Hotel nights asked for (A17): `rooms` rooms of a type for the nights from `arrival` up to `departure`.

    `offer_id`: what was kept for the applicant and is taken now.
    """

    room_type_id: UUID
    tariff_id: UUID | None = None
    arrival: date
    departure: date
    rooms: StrictInt = Field(default=1, ge=1)
    adults: StrictInt = Field(ge=1)
    children: StrictInt = Field(default=0, ge=0)
    visitor: Visitor
    extras: list[StayExtra] = []
    offer_id: UUID | None = None


class MembershipRequest(Part):
    """A membership asked for (D3); booking issues the pass when it is paid."""

    membership_type_id: UUID


#: How an offering is paid: with the order; by an invoice that staff issue; in parts; from the customer's account;
#: not at all.
Terms = Literal["prepaid", "postpaid", "part_payment", "account", "free"]


class Line(Part):
    """One priced line of an order: `total` = `quantity` × `unit_price`.

    Attributes:
        extra: an addition to what was ordered (meals, a taxi). On invoices it is a line of its own where the order's
            `extras_as_lines` says so, and else part of the main line (A18).
    """

    title: str
    quantity: StrictInt = Field(ge=1)
    unit_price: Money
    total: Money
    extra: bool = False


class CancellationStep(Part):
    """A customer who cancels less than `hours_before` the beginning loses `fee_percent` of what was paid (X4)."""

    hours_before: StrictInt = Field(ge=0)
    fee_percent: StrictInt = Field(ge=0, le=100)


class OrderPlaced(EventData):
    """An order is accepted for handling: placed by a customer, by staff on their behalf, or made of a draft.

    Attributes:
        slots, ticket, stay, membership: what booking is asked for; none of them for requests and goods.
        conversation_id: the dialog that the order came of; it becomes the order's conversation (B27).
        extras_as_lines: see `Line.extra`.
        cancellation: where places are asked for, the steps of the offering as they are now, longest notice first; none
            of them: cancelling is free. None: not told.
    """

    type: ClassVar[str] = "orders.order.placed.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    offering_id: UUID
    offering_title: str
    applicant_id: UUID
    payer_kind: Literal["individual", "company"]
    prepaid: bool
    responsible_ids: list[UUID]
    slots: SlotRequest | None = None
    ticket: TicketRequest | None = None
    stay: StayRequest | None = None
    membership: MembershipRequest | None = None
    terms: Terms | None = None
    assignee_id: UUID | None = None
    location_id: UUID | None = None
    legal_entity_id: UUID | None = None
    conversation_id: UUID | None = None
    draft_id: UUID | None = None
    extras_as_lines: bool = False
    actor: Actor | None = None
    cancellation: list[CancellationStep] | None = None


class OrderPriced(EventData):
    """The price and lines of an order are final; a prepaid order gets its invoice from this.

    An order with `terms` "account" is debited to the applicant's account instead (C4).
    """

    type: ClassVar[str] = "orders.order.priced.v1"

    order_id: UUID
    number: StrictInt
    applicant_id: UUID
    payer_kind: Literal["individual", "company"]
    prepaid: bool
    description: str
    lines: list[Line] = Field(min_length=1)
    total: Money
    pay_until: Instant | None = None
    terms: Terms | None = None
    legal_entity_id: UUID | None = None
    extras_as_lines: bool = False


class StatusTitle(Part):
    """What people call the status, in both languages; a business may rename its statuses (C1)."""

    ru: str
    en: str


class OrderStatusChanged(EventData):
    """An order went from one status to another. Rules look at `group`, people at the status.

    `reason` is a stable word, among them: `hold_expired`, `places_taken`, `customer_request`, `staff_decision`,
    `funds_missing`, `funds_received`, `auto_close`. `label` is the business's own status inside the group, if it has
    one; then both statuses may be the same and only the label is new.
    """

    type: ClassVar[str] = "orders.order.status_changed.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    offering_title: str
    applicant_id: UUID
    assignee_id: UUID | None = None
    from_status: str
    to_status: str
    group: str
    reason: str | None = None
    note: str | None = None
    actor: Actor
    label: str | None = None
    title: StatusTitle | None = None
    responsible_ids: list[UUID] = Field(default=[])


class OrderCancelled(EventData):
    """An order was cancelled, or money came in for one that already was.

    Attributes:
        paid: what orders knew to be paid at that moment.
        fee: what the cancellation policy keeps of it.
        refund: what payments gives back: `paid` − `fee`; zero when nothing was paid.
        reason: `hold_expired` and `places_unavailable` began in booking, which has nothing left to release.
    """

    type: ClassVar[str] = "orders.order.cancelled.v1"

    order_id: UUID
    number: StrictInt
    applicant_id: UUID
    reason: str
    paid: Money
    fee: Money
    refund: Money
    actor: Actor


class OrderAssigned(EventData):
    """Staff made somebody the assignee of an order, or nobody (A4, B13)."""

    type: ClassVar[str] = "orders.order.assigned.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    offering_title: str
    applicant_id: UUID
    assignee_id: UUID | None = None
    previous_assignee_id: UUID | None = None
    responsible_ids: list[UUID]
    actor: Actor


class OrderDeadlineChanged(EventData):
    """Staff changed when an order must be answered or completed (A6)."""

    type: ClassVar[str] = "orders.order.deadline_changed.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    applicant_id: UUID
    assignee_id: UUID | None = None
    respond_by: Instant | None = None
    complete_by: Instant | None = None
    actor: Actor


class OrderOverdue(EventData):
    """A deadline of an order passed: nobody took it up (`response`), or it is not completed (`completion`).

    Published once for each due time; again only after the due time was changed and passed again.
    """

    type: ClassVar[str] = "orders.order.overdue.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    offering_title: str
    applicant_id: UUID
    assignee_id: UUID | None = None
    responsible_ids: list[UUID]
    deadline: Literal["response", "completion"]
    due_at: Instant


class OrderReturned(EventData):
    """The applicant did not accept the work and returned the order to it (A9)."""

    type: ClassVar[str] = "orders.order.returned.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    offering_title: str
    applicant_id: UUID
    assignee_id: UUID | None = None
    responsible_ids: list[UUID]
    note: str | None = None


class OrderCompleted(EventData):
    """An order is done: confirmed by the applicant, closed by itself after the offering's time, completed by staff, or
    because its time is over. The applicant may rate it now (B29)."""

    type: ClassVar[str] = "orders.order.completed.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    offering_id: UUID
    offering_title: str
    applicant_id: UUID
    assignee_id: UUID | None = None
    reason: str | None = None
    actor: Actor


class OrderRated(EventData):
    """The applicant rated a done order, or changed the rating (B29). `previous_rating` is None the first time."""

    type: ClassVar[str] = "orders.order.rated.v1"

    order_id: UUID
    number: StrictInt
    offering_id: UUID
    applicant_id: UUID
    assignee_id: UUID | None = None
    rating: StrictInt = Field(ge=1, le=5)
    previous_rating: StrictInt | None = None


class OrderChanged(EventData):
    """The content of an order changed: its comment, premises, answers, payer, flags, or the lines of goods (A28).

    Attributes:
        changed: names of what changed, as the API calls them.
        total: what the order costs now, None while it has no price; `lines` are what it consists of.
        refund: what payments gives back because of this change; zero when nothing is. An invoice that is not paid yet
            is replaced by one of the new total.
        change_id: its own identity, so that money moves once for it.
    """

    type: ClassVar[str] = "orders.order.changed.v1"

    order_id: UUID
    number: StrictInt
    kind: str
    offering_title: str
    applicant_id: UUID
    change_id: UUID
    changed: list[str]
    payer_kind: Literal["individual", "company"]
    extras_as_lines: bool
    lines: list[Line]
    total: Money | None = None
    refund: Money
    actor: Actor


class DraftCreated(EventData):
    """An order is being prepared (B27): of a dialog by an operator, or by the customer."""

    type: ClassVar[str] = "orders.draft.created.v1"

    draft_id: UUID
    applicant_id: UUID
    offering_id: UUID
    offering_title: str
    conversation_id: UUID | None = None
    actor: Actor


class DraftDiscarded(EventData):
    """A draft was given up before it became an order."""

    type: ClassVar[str] = "orders.draft.discarded.v1"

    draft_id: UUID
    applicant_id: UUID
    conversation_id: UUID | None = None
    actor: Actor


class OfferingChanged(EventData):
    """An offering of the catalogue was made or changed.

    Attributes:
        dialog_before_order: customers may ask about it before they order (B27).
        responsible_ids: staff who are told of its orders (A1).
        membership_type_id: what booking issues when it is bought; memberships only.
    """

    type: ClassVar[str] = "orders.offering.changed.v1"

    offering_id: UUID
    title: str
    kind: str
    terms: Terms
    active: bool
    dialog_before_order: bool
    refunds_allowed: bool
    responsible_ids: list[UUID]
    location_ids: list[UUID]
    legal_entity_id: UUID | None = None
    membership_type_id: UUID | None = None


class CustomerChanged(EventData):
    """A customer's profile, without contact data."""

    type: ClassVar[str] = "orders.customer.changed.v1"

    customer_id: UUID
    display_name: str
    locale: Literal["ru", "en"]
    discount_group_id: UUID | None = None
    erased: bool = False


class ContactChanged(EventData):
    """Phone and email of a person. Private: only notifications and payments (receipts) may bind it."""

    type: ClassVar[str] = "orders.contact.changed.v1"
    private: ClassVar[bool] = True

    person_id: UUID
    display_name: str
    locale: Literal["ru", "en"]
    email: str | None = None
    phone: str | None = None
