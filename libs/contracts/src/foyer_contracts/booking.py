"""Events that the booking service publishes."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from .envelope import EventData, Instant
from .money import Money
from .orders import Actor, Line, Visitor


class OpeningHours(BaseModel):
    """Open from `opens` to `closes`, minutes after local midnight by the wall clock; 1440 is the next midnight."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    weekday: StrictInt = Field(ge=0, le=6, description="0 is Monday")
    opens: StrictInt = Field(ge=0, lt=1440)
    closes: StrictInt = Field(gt=0, le=1440)


class SpecialHours(BaseModel):
    """Open from `opens` to `closes` on this one local day, in minutes as `OpeningHours` counts them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    day: date
    opens: StrictInt = Field(ge=0, lt=1440)
    closes: StrictInt = Field(gt=0, le=1440)


class LocationChanged(EventData):
    """A location was made or changed: its zone, opening hours and closed days are the business hours of deadlines.

    A day that is in `closed_days` has no hours, whatever its weekday says. A day that `special_hours` name has those
    hours instead of its weekday's, however many they are. Closed days include public holidays where the location keeps
    them.
    """

    type: ClassVar[str] = "booking.location.changed.v1"

    location_id: UUID
    name: str
    time_zone: str
    opening_hours: list[OpeningHours]
    closed_days: list[date]
    active: bool = True
    special_hours: list[SpecialHours] = Field(default_factory=list)


class ResourceChanged(EventData):
    """A bookable resource with the rules of its location; orders checks requests against its copy of it.

    Attributes:
        slot_minutes: length of a slot in elapsed minutes; slots count from each opening.
        price: of one slot (of one place, where it has several).
        active: False when it can no longer be booked.
        special_hours: see `LocationChanged`.
        capacity: how many equal places it has, each of which can be booked at the same time as the others.
        min_slots, max_slots: the fewest and the most slots of one booking.
        notice_minutes: a booking is made at least so long before it begins.
        horizon_days: it begins at most so many local days after today.
    """

    type: ClassVar[str] = "booking.resource.changed.v1"

    resource_id: UUID
    name: str
    location_id: UUID
    location_name: str
    time_zone: str
    opening_hours: list[OpeningHours]
    closed_days: list[date]
    slot_minutes: StrictInt = Field(gt=0)
    price: Money
    active: bool
    special_hours: list[SpecialHours] = Field(default_factory=list)
    capacity: StrictInt = Field(default=1, ge=1)
    min_slots: StrictInt = Field(default=1, ge=1)
    max_slots: StrictInt | None = None
    notice_minutes: StrictInt = Field(default=0, ge=0)
    horizon_days: StrictInt | None = None


class Occurrence(BaseModel):
    """One time of a recurring booking, and what it cost. `resource_id`, `resource_name`: where it is, if that is
    elsewhere than the first time."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    starts_at: Instant
    ends_at: Instant
    price: Money
    resource_id: UUID | None = None
    resource_name: str | None = None


class MovedOccurrence(BaseModel):
    """One time of a recurring booking that moved: when it was, when and where it is now."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    previous_starts_at: Instant
    previous_ends_at: Instant
    starts_at: Instant
    ends_at: Instant
    resource_name: str
    location_name: str
    time_zone: str


class Places(BaseModel):
    """What a reservation takes, in the words a person needs: where, from when, until when, in which zone.

    Attributes:
        resource_id: the room, the coworking space, or the type of hotel room.
        kind: slots of a resource, a coworking ticket, or a hotel stay.
        number: of the ticket or stay, as people call it (A16, A17).
        place: the numbered workplace or room, once there is one.
        nights, adults, children: of stays.
        quantity: how many equal places, where it is more than one.
        occurrences: of a booking that recurs, how many it has (X5); `starts_at`, `ends_at` and the resource are those
            of the first.
        times: of a booking that recurs, each of its times with its price, in order.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    resource_id: UUID
    resource_name: str
    location_name: str
    time_zone: str
    starts_at: Instant
    ends_at: Instant
    kind: Literal["slots", "ticket", "stay"] = "slots"
    number: StrictInt | None = None
    place: str | None = None
    tariff: str | None = None
    visitor: Visitor | None = None
    nights: StrictInt | None = None
    adults: StrictInt | None = None
    children: StrictInt | None = None
    quantity: StrictInt | None = None
    occurrences: StrictInt | None = None
    times: list[Occurrence] | None = None


class PlacesHeld(EventData):
    """Places are taken for an order until `expires_at`, unless it is paid before."""

    type: ClassVar[str] = "booking.places.held.v1"

    order_id: UUID
    reservation_id: UUID
    places: Places
    lines: list[Line] = Field(min_length=1)
    total: Money
    expires_at: Instant


class PlacesUnavailable(EventData):
    """Places could not be taken.

    `reason`: `places_taken`, `outside_opening_hours`, `not_on_slot_grid`, `in_the_past`, `unknown_resource`,
    `too_short`, `too_long`, `too_soon`, `too_far_ahead`, `too_many_places`, `recurrence_invalid`, `offer_expired`.
    `late` is True when the order's hold had expired, it was paid afterwards, and the places could not be had again.
    `conflicts`: the beginnings of those occurrences of a recurring booking that could not be had, if any.
    """

    type: ClassVar[str] = "booking.places.unavailable.v1"

    order_id: UUID
    reason: str
    late: bool = False
    conflicts: list[Instant] = Field(default_factory=list)


class HoldExpired(EventData):
    """An order was not paid in time; its places are free again."""

    type: ClassVar[str] = "booking.hold.expired.v1"

    order_id: UUID
    reservation_id: UUID


class ReservationConfirmed(EventData):
    """The places of a paid order are taken for good. `late`: taken again after the hold had expired."""

    type: ClassVar[str] = "booking.reservation.confirmed.v1"

    order_id: UUID
    reservation_id: UUID
    places: Places
    late: bool = False


class ReservationStarted(EventData):
    """The reserved time began."""

    type: ClassVar[str] = "booking.reservation.started.v1"

    order_id: UUID
    reservation_id: UUID


class ReservationEnded(EventData):
    """The reserved time is over."""

    type: ClassVar[str] = "booking.reservation.ended.v1"

    order_id: UUID
    reservation_id: UUID


class ReservationReleased(EventData):
    """The places of a cancelled order are free again."""

    type: ClassVar[str] = "booking.reservation.released.v1"

    order_id: UUID
    reservation_id: UUID
    places: Places


class ReservationRescheduled(EventData):
    """A reservation moved to other places or another time, in one step (A15).

    Attributes:
        places: where and when it is now; `previous`: where and when it was, free again.
        lines, total: what it costs now.
        moved: of a recurring booking, the times that moved, in order of their old beginnings (X5).
    """

    type: ClassVar[str] = "booking.reservation.rescheduled.v1"

    order_id: UUID
    reservation_id: UUID
    places: Places
    previous: Places
    lines: list[Line] = Field(min_length=1)
    total: Money
    actor: Actor
    moved: list[MovedOccurrence] | None = None


class OccurrencesCancelled(EventData):
    """Some times of a recurring booking were given up; the rest of it stays (X5). All of it is given up by cancelling
    the order.

    Attributes:
        places: what is left; `starts_at` and `ends_at` are those of the first time that is left.
        cancelled: the times that are free again, with their prices; orders says what of these is given back (X4).
        lines, total: what is left costs.
    """

    type: ClassVar[str] = "booking.occurrences.cancelled.v1"

    order_id: UUID
    reservation_id: UUID
    places: Places
    cancelled: list[Occurrence] = Field(min_length=1)
    lines: list[Line] = Field(min_length=1)
    total: Money
    actor: Actor


class ReservationNoShow(EventData):
    """Nobody came in time; the rules of the place say whether the rest of it is free again."""

    type: ClassVar[str] = "booking.reservation.no_show.v1"

    order_id: UUID
    reservation_id: UUID
    released: bool


class TicketIssued(EventData):
    """A coworking place is a visitor's for a period: the order is paid, and the ticket can be checked in (A16)."""

    type: ClassVar[str] = "booking.ticket.issued.v1"

    ticket_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    reservation_id: UUID
    visitor: Visitor
    places: Places


class TicketChanged(EventData):
    """Something happened with a ticket at the desk (A16). What it costs now is told by `reservation.rescheduled`."""

    type: ClassVar[str] = "booking.ticket.changed.v1"

    ticket_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    change: Literal["checked_in", "checked_out", "extended", "moved", "ended_early", "blocked", "unblocked", "no_show"]
    visitor: Visitor
    places: Places
    actor: Actor


class StayChanged(EventData):
    """Something happened with a hotel stay (A17). What it costs now is told by `reservation.rescheduled`."""

    type: ClassVar[str] = "booking.stay.changed.v1"

    stay_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    change: Literal["checked_in", "checked_out", "no_show", "room_moved", "dates_changed"]
    visitor: Visitor
    places: Places
    actor: Actor


class PassIssued(EventData):
    """A membership was bought (D3). Its activation code travels apart, on the private exchange."""

    type: ClassVar[str] = "booking.pass.issued.v1"

    pass_id: UUID
    number: StrictInt
    order_id: UUID | None = None
    buyer_id: UUID
    membership_type_id: UUID
    title: str
    visits: StrictInt | None = None
    valid_days: StrictInt | None = None


class PassCodeIssued(EventData):
    """The activation code of a membership (D3, D5). Private: only notifications may bind it, to mail it."""

    type: ClassVar[str] = "booking.pass.code_issued.v1"
    private: ClassVar[bool] = True

    pass_id: UUID
    number: StrictInt
    buyer_id: UUID
    title: str
    code: str


class PassActivated(EventData):
    """Staff activated a membership by its code (D5)."""

    type: ClassVar[str] = "booking.pass.activated.v1"

    pass_id: UUID
    number: StrictInt
    order_id: UUID | None = None
    buyer_id: UUID
    actor: Actor


class PassAttached(EventData):
    """A membership belongs to a visitor from now on (D6).

    Attributes:
        visits: how many are left; None: not limited by visits.
        valid_until: the last instant it is good for; None: not limited by time.
    """

    type: ClassVar[str] = "booking.pass.attached.v1"

    pass_id: UUID
    number: StrictInt
    order_id: UUID | None = None
    buyer_id: UUID
    visitor_id: UUID
    group_ids: list[UUID]
    visits: StrictInt | None = None
    valid_from: Instant
    valid_until: Instant | None = None


class PassWithdrawn(EventData):
    """A membership was taken from its visitor: its price went back, or staff decided so (D7)."""

    type: ClassVar[str] = "booking.pass.withdrawn.v1"

    pass_id: UUID
    number: StrictInt
    order_id: UUID | None = None
    buyer_id: UUID
    visitor_id: UUID | None = None
    reason: str


class ClassBooked(EventData):
    """A visitor has a place in a class; `left` is how many places there still are.

    Attributes:
        customer_id: who the visitor is when they sign in, if they do.
        time_zone: of the location that the class is at, if it is at one.
    """

    type: ClassVar[str] = "booking.class.booked.v1"

    class_booking_id: UUID
    class_id: UUID
    title: str
    starts_at: Instant
    visitor_id: UUID
    pass_id: UUID | None = None
    left: StrictInt
    customer_id: UUID | None = None
    time_zone: str | None = None


class ClassCancelled(EventData):
    """A visitor's place in a class is free again.

    Attributes:
        reason: `visitor_request`, `class_cancelled`, `frozen`, `withdrawn`.
        customer_id, time_zone: see `ClassBooked`.
        visit_returned: whether the visit that it took came back.
    """

    type: ClassVar[str] = "booking.class.cancelled.v1"

    class_booking_id: UUID
    class_id: UUID
    title: str
    starts_at: Instant
    visitor_id: UUID
    pass_id: UUID | None = None
    reason: str
    customer_id: UUID | None = None
    time_zone: str | None = None
    visit_returned: bool | None = None


class ClassTime(BaseModel):
    """When and where a class is, and who gives it, as far as it is known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    starts_at: Instant
    ends_at: Instant
    location_name: str | None = None
    time_zone: str | None = None
    place: str | None = None
    trainer: str | None = None


class ClassChanged(EventData):
    """A class in which a visitor has a place is at another time or place now, or somebody else gives it. Told for each
    who has a place. Who gives it up because of another time keeps the visit.

    Attributes:
        changed: `time`, `place`, `trainer`: those that did.
        now, previous: as it is, and as it was.
        customer_id: see `ClassBooked`.
    """

    type: ClassVar[str] = "booking.class.changed.v1"

    class_booking_id: UUID
    class_id: UUID
    title: str
    changed: list[str] = Field(min_length=1)
    now: ClassTime
    previous: ClassTime
    visitor_id: UUID
    pass_id: UUID | None = None
    customer_id: UUID | None = None


class OfferMade(EventData):
    """A freed slot is offered to the first who waits for it, until `expires_at` (X5)."""

    type: ClassVar[str] = "booking.offer.made.v1"

    offer_id: UUID
    applicant_id: UUID
    resource_id: UUID
    resource_name: str
    starts_at: Instant
    ends_at: Instant
    expires_at: Instant


class OfferExpired(EventData):
    """An offer was not taken in time, or the slot was; the next who waits is asked (X5)."""

    type: ClassVar[str] = "booking.offer.expired.v1"

    offer_id: UUID
    applicant_id: UUID
    resource_id: UUID
    starts_at: Instant


class OfferTaken(EventData):
    """The place that was offered is held for an order of the one it was offered to (X5)."""

    type: ClassVar[str] = "booking.offer.taken.v1"

    offer_id: UUID
    applicant_id: UUID
    order_id: UUID
    resource_id: UUID
    starts_at: Instant
