"""Classes with a number of places, booked by visitors with their memberships (D6)."""

from dataclasses import dataclass
from datetime import datetime
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


class BookedClassError(ConflictError):
    """Visitors have booked it with memberships that open its group: it stays in that group."""

    title_en = "The class has bookings"
    title_ru = "На занятие уже записались"


class TooFewPlacesError(ConflictError):
    """More visitors have booked than there would be places."""

    title_en = "Too few places"
    title_ru = "Мест меньше, чем записавшихся"


@dataclass(frozen=True, slots=True)
class Class:
    """Attributes:
    capacity: places; `booked` of them are taken.
    """

    id: UUID
    group_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    cancelled: bool
    version: int
    booked: int = 0

    @property
    def left(self) -> int:
        return max(0, self.capacity - self.booked)

    def check_open(self, now: datetime) -> None:
        """Raises ClassOverError."""
        if self.cancelled or self.starts_at <= now:
            raise ClassOverError(starts_at=self.starts_at.isoformat(), cancelled=self.cancelled)


@dataclass(frozen=True, slots=True)
class ClassBooking:
    id: UUID
    class_id: UUID
    visitor_id: UUID
    pass_id: UUID | None
    seat: int
    cancelled_reason: str | None
    version: int
