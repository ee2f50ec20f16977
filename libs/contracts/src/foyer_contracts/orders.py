"""Events that the orders service publishes."""

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
    """The slots of a resource that an order asks for: all slots from `starts_at` up to `ends_at`."""

    resource_id: UUID
    starts_at: Instant
    ends_at: Instant


class Line(Part):
    """One priced line of an order: `total` = `quantity` × `unit_price`."""

    title: str
    quantity: StrictInt = Field(ge=1)
    unit_price: Money
    total: Money


class OrderPlaced(EventData):
    """An order is accepted for handling."""

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


class OrderPriced(EventData):
    """The price and lines of an order are final; a prepaid order gets its invoice from this."""

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


class OrderStatusChanged(EventData):
    """An order went from one status to another. Rules look at `group`, people at the status.

    `reason` is a stable word, among them: `hold_expired`, `places_taken`, `customer_request`, `staff_decision`.
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


class CustomerChanged(EventData):
    """A customer's profile, without contact data."""

    type: ClassVar[str] = "orders.customer.changed.v1"

    customer_id: UUID
    display_name: str
    locale: Literal["ru", "en"]


class ContactChanged(EventData):
    """Phone and email of a person. Private: only notifications may bind it."""

    type: ClassVar[str] = "orders.contact.changed.v1"
    private: ClassVar[bool] = True

    person_id: UUID
    display_name: str
    locale: Literal["ru", "en"]
    email: str | None = None
    phone: str | None = None
