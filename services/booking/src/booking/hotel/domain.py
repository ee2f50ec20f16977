"""What a hotel stay costs and when it is (A17). Nights are local dates; check-in and check-out are times of the local
clock, so that a clock change moves neither (X2).

A stay keeps in its `terms` what it was sold for: `nights` (date → amount a night, for all its rooms and guests) and
`extras` (as asked for, with their price). Another quote for the same stay prices only what is new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

from ..lodging.domain import Group, Item

MOST_NIGHTS = 366
MINUTES_A_DAY = 1440


class StayDatesInvalidError(InvalidError):
    """A stay has at least one night and at most a year of them."""

    title_en = "These dates are not possible"
    title_ru = "Такие даты невозможны"


class StayTooShortError(InvalidError):
    """For these dates more nights are needed."""

    title_en = "Too few nights"
    title_ru = "Слишком мало ночей"


class TooManyGuestsError(InvalidError):
    """More guests than these rooms take."""

    title_en = "Too many guests"
    title_ru = "Слишком много гостей"


class ExtraTimeInvalidError(InvalidError):
    """This extra needs a time: an early check-in before the usual one, a late check-out after it."""

    title_en = "The time of the extra is not possible"
    title_ru = "Время услуги невозможно"


class UnknownExtraError(InvalidError):
    """There is no such extra here."""

    title_en = "Unknown extra"
    title_ru = "Нет такой услуги"


class RoomNotAssignedError(ConflictError):
    """It was sold beyond the rooms there are: move it to a room that is free first."""

    title_en = "There is no room yet"
    title_ru = "Номер ещё не назначен"


class Basis(StrEnum):
    """What the price of an extra is for."""

    STAY = "stay"
    NIGHT = "night"
    GUEST = "guest"
    GUEST_NIGHT = "guest_night"


class Timed(StrEnum):
    """Whether an extra has a time, and whether that makes the stay longer."""

    NO = "no"
    AT = "at"
    EARLY_CHECK_IN = "early_check_in"
    LATE_CHECK_OUT = "late_check_out"


@dataclass(frozen=True, slots=True)
class RoomType:
    """Rooms that stand for each other.

    Attributes:
        check_in, check_out: minutes after local midnight of the first and of the last day.
        adults, guests: how many adults, and adults with children, one room takes.
        overbooking: rooms that are sold beyond those that there are.
    """

    group: Group
    check_in: int
    check_out: int
    adults: int
    guests: int
    overbooking: int = 0

    def night(self, day: date) -> tuple[datetime, datetime]:
        """From when until when that night is, without early check-in and late check-out."""
        zone = self.group.location.calendar.zone
        return local(zone, day, self.check_in), local(zone, day + timedelta(days=1), self.check_out)


@dataclass(frozen=True, slots=True)
class Season:
    """Nights from `first` to `last` (both too) on these weekdays (0 = Monday) cost `amount`; the last that fits counts.

    `least_nights`: of stays that begin on such a day; None: as the rate says.
    """

    first: date
    last: date
    weekdays: frozenset[int]
    amount: int
    least_nights: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """How a night in a type of room is sold.

    Attributes:
        price: of one room for a night, for up to `included_adults` in it and no children.
        extra_adult, child: minor units a night for each one more.
    """

    id: UUID
    type_id: UUID
    name: str
    price: Money
    least_nights: int
    included_adults: int
    extra_adult: int
    child: int
    seasons: tuple[Season, ...]
    active: bool
    version: int

    def season(self, night: date) -> Season | None:
        fitting = [s for s in self.seasons if s.first <= night <= s.last and night.weekday() in s.weekdays]
        return fitting[-1] if fitting else None

    def amount(self, night: date) -> int:
        season = self.season(night)
        return self.price.amount if season is None else season.amount


@dataclass(frozen=True, slots=True)
class Extra:
    id: UUID
    location_id: UUID
    name: str
    price: Money
    basis: Basis
    timed: Timed
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """An extra in a number, at a local time where it has one, for the price it is or was sold for."""

    extra: Extra
    quantity: int
    at: time | None
    amount: int


@dataclass(frozen=True, slots=True)
class Guests:
    rooms: int
    adults: int
    children: int


@dataclass(frozen=True, slots=True)
class Quote:
    starts_at: datetime
    ends_at: datetime
    nights: int
    items: tuple[Item, ...]
    terms: Mapping[str, Any]


def local(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The instant when the local clock shows so many minutes after the midnight of a day."""
    whole_days, minutes = divmod(minutes, MINUTES_A_DAY)
    wall = datetime.combine(day + timedelta(days=whole_days), time(minutes // 60, minutes % 60), zone)
    return wall.astimezone(UTC)


def quote(
    room_type: RoomType,
    rate: Rate,
    wanted: Sequence[Wanted],
    arrival: date,
    departure: date,
    guests: Guests,
    *,
    sold: Mapping[str, int] | None = None,
) -> Quote:
    """When a stay is and what it costs.

    Args:
        sold: nights that are sold already (ISO date → amount); their price stays.

    Raises:
        StayDatesInvalidError, StayTooShortError, TooManyGuestsError, ExtraTimeInvalidError.
    """
    nights = (departure - arrival).days
    if not 1 <= nights <= MOST_NIGHTS:
        raise StayDatesInvalidError(field="departure", most_nights=MOST_NIGHTS)
    season = rate.season(arrival)
    least = rate.least_nights if season is None or season.least_nights is None else season.least_nights
    if nights < least:
        raise StayTooShortError(field="departure", least_nights=least)
    if (
        guests.adults > room_type.adults * guests.rooms
        or guests.adults + guests.children > room_type.guests * guests.rooms
    ):
        raise TooManyGuestsError(
            field="adults", adults=room_type.adults * guests.rooms, guests=room_type.guests * guests.rooms
        )
    prices = _prices(rate, arrival, nights, guests, sold or {})
    check_in, check_out = _times(room_type, wanted)
    zone = room_type.group.location.calendar.zone
    return Quote(
        starts_at=local(zone, arrival, check_in),
        ends_at=local(zone, departure, check_out),
        nights=nights,
        items=(
            *_night_items(f"{room_type.group.name}, тариф «{rate.name}»", prices, guests.rooms, rate.price.currency),
            *(_extra_item(item, nights, guests, rate.price.currency) for item in wanted),
        ),
        terms={
            "nights": prices,
            "extras": [
                {
                    "id": str(item.extra.id),
                    "quantity": item.quantity,
                    "at": None if item.at is None else item.at.isoformat("minutes"),
                    "amount": item.amount,
                }
                for item in wanted
            ],
        },
    )


def _prices(rate: Rate, arrival: date, nights: int, guests: Guests, sold: Mapping[str, int]) -> dict[str, int]:
    more = max(0, guests.adults - rate.included_adults * guests.rooms) * rate.extra_adult + guests.children * rate.child
    days = (arrival + timedelta(days=n) for n in range(nights))
    return {day.isoformat(): sold.get(day.isoformat(), rate.amount(day) * guests.rooms + more) for day in days}


def _night_items(title: str, prices: Mapping[str, int], rooms: int, currency: str) -> list[Item]:
    """A line per price of a night; per room where all rooms cost the same."""
    counted: dict[int, int] = {}
    for amount in prices.values():
        counted[amount] = counted.get(amount, 0) + 1
    return [
        Item(title, nights * rooms, Money(amount=amount // rooms, currency=currency))
        if amount % rooms == 0
        else Item(title, nights, Money(amount=amount, currency=currency))
        for amount, nights in counted.items()
    ]


def _extra_item(wanted: Wanted, nights: int, guests: Guests, currency: str) -> Item:
    people = guests.adults + guests.children
    times = {Basis.STAY: 1, Basis.NIGHT: nights, Basis.GUEST: people, Basis.GUEST_NIGHT: people * nights}
    title = wanted.extra.name if wanted.at is None else f"{wanted.extra.name}, {wanted.at.isoformat('minutes')}"
    return Item(
        title,
        wanted.quantity * times[wanted.extra.basis],
        Money(amount=wanted.amount, currency=currency),
        extra=True,
    )


def _times(room_type: RoomType, wanted: Sequence[Wanted]) -> tuple[int, int]:
    """Check-in and check-out of this stay, in minutes of their days."""
    check_in, check_out = room_type.check_in, room_type.check_out
    for item in wanted:
        if (item.extra.timed is Timed.NO) != (item.at is None):
            raise ExtraTimeInvalidError(field="extras.at", extra=item.extra.name)
        if item.at is None:
            continue
        minutes = item.at.hour * 60 + item.at.minute
        if item.extra.timed is Timed.EARLY_CHECK_IN:
            if minutes >= room_type.check_in:
                raise ExtraTimeInvalidError(field="extras.at", before_minutes=room_type.check_in)
            check_in = min(check_in, minutes)
        elif item.extra.timed is Timed.LATE_CHECK_OUT:
            if minutes <= room_type.check_out:
                raise ExtraTimeInvalidError(field="extras.at", after_minutes=room_type.check_out)
            check_out = max(check_out, minutes)
    return check_in, check_out
