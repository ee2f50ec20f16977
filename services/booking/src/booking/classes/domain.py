"""Classes with a number of places, booked by visitors with their memberships (D6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError


class ClassFullError(ConflictError):
    """Every place in the class is taken."""

    title_en = "The class is full"
    title_ru = "Мест больше нет"


class ClassOverError(ConflictError):
    """The class was cancelled, or has begun."""

    title_en = "The class cannot be booked any more"
    title_ru = "На это занятие уже нельзя записаться"


class BookedAlreadyError(ConflictError):
    """This visitor has a place in the class."""

    title_en = "Booked already"
    title_ru = "Уже записан"


class ClassTimeError(InvalidError):
    """A class ends after it begins, and begins in the future."""

    title_en = "Check the time"
    title_ru = "Проверьте время"


class UnknownLocationError(InvalidError):
    """There is no such location."""

    title_en = "Unknown location"
    title_ru = "Нет такого филиала"


class BookedClassError(ConflictError):
    """Visitors have booked it with memberships that open its group: it stays in that group."""

    title_en = "The class has bookings"
    title_ru = "На занятие уже записались"


class TooFewPlacesError(ConflictError):
    """More visitors have booked than there would be places."""

    title_en = "Too few places"
    title_ru = "Мест меньше, чем записавшихся"


class Change(StrEnum):
    """What of a class its visitors are told of when it changes."""

    TIME = "time"
    PLACE = "place"
    TRAINER = "trainer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPlan:
    """A class as who schedules it describes it.

    Attributes:
        location_id: whose clocks show its time; None: not known.
        place: the hall, in words. `trainer`: who gives it.
        cancel_minutes: a visitor who gives the place up later than so long before the beginning loses the visit.
    """

    group_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    location_id: UUID | None = None
    place: str | None = None
    trainer: str | None = None
    cancel_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Class(ClassPlan):
    """Attributes:
    capacity: places; `booked` of them are taken.
    """

    id: UUID
    cancelled: bool = False
    version: int = 1
    booked: int = 0

    @property
    def left(self) -> int:
        return max(0, self.capacity - self.booked)

    def check_open(self, now: datetime) -> None:
        """Raises ClassOverError."""
        if self.cancelled or self.starts_at <= now:
            raise ClassOverError(starts_at=self.starts_at.isoformat(), cancelled=self.cancelled)

    def check_bookable(self, now: datetime, *, has_place: bool) -> None:
        """Raises ClassOverError, BookedAlreadyError, ClassFullError. `has_place`: the visitor has one in it."""
        self.check_open(now)
        if has_place:
            raise BookedAlreadyError(class_id=str(self.id))
        if self.left == 0:
            raise ClassFullError(capacity=self.capacity)

    def changes_since(self, before: "Class") -> list[Change]:
        differ = {
            Change.TIME: (self.starts_at, self.ends_at) != (before.starts_at, before.ends_at),
            Change.PLACE: (self.location_id, self.place) != (before.location_id, before.place),
            Change.TRAINER: self.trainer != before.trainer,
        }
        return [change for change, differs in differ.items() if differs]


@dataclass(frozen=True, slots=True)
class Visit:
    """What there is to know before a visitor takes a place in a class.

    Attributes:
        has_place: in this class already.
        free_seat: the lowest that nobody has; None: every one is taken.
    """

    item: Class
    visitor_known: bool
    has_place: bool
    customer_id: UUID | None = None
    free_seat: int | None = None


@dataclass(frozen=True, slots=True)
class ClassBooking:
    """Attributes:
    moved: whether the class was moved to another time since.
    """

    id: UUID
    class_id: UUID
    visitor_id: UUID
    pass_id: UUID | None
    seat: int
    cancelled_reason: str | None
    version: int
    moved: bool = False

    def keeps_visit(self, item: Class, now: datetime) -> bool:
        """Whether the visit comes back when the visitor gives the place up: in time, or because the class was moved
        to another time."""
        return self.moved or now <= item.starts_at - timedelta(minutes=item.cancel_minutes)
