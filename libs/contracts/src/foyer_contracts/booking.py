"""Events that the booking service publishes."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from .envelope import EventData, Instant
from .money import Money
from .orders import Actor, Line


class OpeningHours(BaseModel):
    """Open from `opens` to `closes`, minutes after local midnight by the wall clock; 1440 is the next midnight."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    weekday: StrictInt = Field(ge=0, le=6, description="0 is Monday")
    opens: StrictInt = Field(ge=0, lt=1440)
    closes: StrictInt = Field(gt=0, le=1440)


class LocationChanged(EventData):
    """A location was made or changed: its zone, opening hours and closed days are the business hours of deadlines.

    A day that is in `closed_days` has no hours, whatever its weekday says.
    """

    type: ClassVar[str] = "booking.location.changed.v1"

    location_id: UUID
    name: str
    time_zone: str
    opening_hours: list[OpeningHours]
    closed_days: list[date]
    active: bool = True


class ResourceChanged(EventData):
    """A bookable resource with the rules of its location; orders checks requests against its copy of it.

    Attributes:
        slot_minutes: length of a slot in elapsed minutes; slots count from each opening.
        price: of one slot.
        active: False when it can no longer be booked.
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


class Places(BaseModel):
    """What a reservation takes, in the words a person needs: where, from when, until when, in which zone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    resource_id: UUID
    resource_name: str
    location_name: str
    time_zone: str
    starts_at: Instant
    ends_at: Instant


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

    `reason`: `places_taken`, `outside_opening_hours`, `not_on_slot_grid`, `in_the_past`, `unknown_resource`.
    `late` is True when the order's hold had expired, it was paid afterwards, and the places could not be had again.
    """

    type: ClassVar[str] = "booking.places.unavailable.v1"

    order_id: UUID
    reason: str
    late: bool = False


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
    """

    type: ClassVar[str] = "booking.reservation.rescheduled.v1"

    order_id: UUID
    reservation_id: UUID
    places: Places
    previous: Places
    lines: list[Line] = Field(min_length=1)
    total: Money
    actor: Actor


class ReservationNoShow(EventData):
    """Nobody came in time; the rules of the place say whether the rest of it is free again."""

    type: ClassVar[str] = "booking.reservation.no_show.v1"

    order_id: UUID
    reservation_id: UUID
    released: bool
