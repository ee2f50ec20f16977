"""Tariffs of a coworking space, and the period that a ticket of one is good for (A16).

Hours are elapsed time within the opening hours of one local day. Days, weeks and months are local dates, so that a
clock change moves no opening and no closing (X2).
"""

import calendar as gregorian
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

from ..lodging.domain import FARTHEST, Group, TooFarAheadError, Unit, Wish
from ..resources.domain import Calendar, InThePastError, OutsideOpeningHoursError, UnknownResourceError

#: Tickets by the hour begin on the quarter of an hour after an opening.
GRID = timedelta(minutes=15)
#: No day that is open within so many: the ticket cannot be made.
MOST_CLOSED_DAYS = 60


class PlaceCannotBeChosenError(InvalidError):
    """With this tariff the place is any free one."""

    title_en = "The place cannot be chosen"
    title_ru = "По этому тарифу место не выбирают"


class TooLongError(InvalidError):
    """More units than the tariff allows."""

    title_en = "Too long for this tariff"
    title_ru = "Слишком долго для этого тарифа"


class ScanReusedError(ConflictError):
    """This id belongs to another scan."""

    title_en = "The scan's id is used already"
    title_ru = "Этот идентификатор скана уже использован"


class Length(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Tariff:
    """How a place of a space is sold.

    Attributes:
        unit: what `price` is for.
        fixed: the buyer may choose the place; else it is any free one.
        zone: only places of this zone; None: all.
        most: units that one ticket may have.
    """

    id: UUID
    space_id: UUID
    name: str
    unit: Length
    price: Money
    fixed: bool
    zone: str | None
    most: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a ticket is asked for: so many units of a tariff, in that place or, without it, in any."""

    space_id: UUID
    tariff_id: UUID
    starts_at: datetime
    quantity: int
    place_id: UUID | None


def wish(
    wanted: Wanted, space: Group | None, tariff: Tariff | None, place: Unit | None, *, now: datetime
) -> tuple[Group, Tariff, Wish]:
    """The place and the time that it comes to, with the space and the tariff as they are known to be there.

    Raises:
        UnknownResourceError, TooFarAheadError, TooLongError, PlaceCannotBeChosenError, and what `period` raises.
    """
    if space is None or not space.active or tariff is None or not tariff.active or tariff.space_id != space.id:
        raise UnknownResourceError
    if wanted.starts_at > now + FARTHEST:
        raise TooFarAheadError(field="starts_at")
    if wanted.quantity > tariff.most:
        raise TooLongError(field="quantity", most=tariff.most)
    if wanted.place_id is not None:
        if not tariff.fixed:
            raise PlaceCannotBeChosenError(field="place_id")
        if place is None or place.group_id != space.id or tariff.zone not in (None, place.zone):
            raise UnknownResourceError
    starts_at, ends_at = period(space.location.calendar, tariff.unit, wanted.starts_at, wanted.quantity, now=now)
    return space, tariff, Wish(space.id, starts_at, ends_at, unit_id=wanted.place_id, zone=tariff.zone)


def period(
    calendar: Calendar, unit: Length, starts_at: datetime, quantity: int, *, now: datetime
) -> tuple[datetime, datetime]:
    """From when until when a ticket of `quantity` units is good, as instants.

    Days are those on which the place is open, counted from that of `starts_at`; weeks and months run to the same
    weekday or date (the last of a shorter month), through whatever is closed between. They begin at `starts_at` or
    the opening of that day, what is later, and end with the last closing.

    Raises:
        InThePastError, OutsideOpeningHoursError, NotOnSlotGridError.
    """
    if unit is Length.HOUR:
        ends_at = starts_at + timedelta(hours=quantity)
        calendar.count_slots(starts_at, ends_at, GRID, now=now)
        return starts_at, ends_at
    first = starts_at.astimezone(calendar.zone).date()
    of_first = calendar.open_periods(first)
    if not of_first or starts_at >= max(item.ends_at for item in of_first):
        raise OutsideOpeningHoursError(field="starts_at", time_zone=calendar.zone.key)
    begins = max(starts_at, min(item.starts_at for item in of_first))
    if begins <= now:
        raise InThePastError(field="starts_at", now=now.isoformat())
    return begins, _closing(calendar, unit, first, quantity)


def _closing(calendar: Calendar, unit: Length, first: date, quantity: int) -> datetime:
    last = first
    if unit is Length.DAY:
        closed = 0
        for _ in range(quantity - 1):
            last += timedelta(days=1)
            while not calendar.open_periods(last):
                closed += 1
                last += timedelta(days=1)
                if closed > MOST_CLOSED_DAYS:
                    raise OutsideOpeningHoursError(field="quantity", time_zone=calendar.zone.key)
    elif unit is Length.WEEK:
        last += timedelta(weeks=quantity, days=-1)
    else:
        last = months_later(first, quantity) - timedelta(days=1)
    while not (opened := calendar.open_periods(last)):
        last -= timedelta(days=1)
    return max(item.ends_at for item in opened)


def months_later(day: date, months: int) -> date:
    """The same date so many months later, or the last of a month that is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, gregorian.monthrange(year, month)[1]))
