"""Bookings move to other times and places (A13–A15, X5)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

from ...claiming.domain import Book, Taken
from ...resources.domain import Resource, UnknownResourceError
from .reservation import (
    TAKING,
    BegunError,
    NotRecurringError,
    Occurrence,
    OrderCopy,
    Reservation,
    Status,
    UnknownOccurrenceError,
)


class CannotBeMovedError(ConflictError):
    """Only a booking that is held, confirmed or under way can be moved (A13)."""

    title_en = "The booking cannot be moved"
    title_ru = "Бронирование нельзя перенести"


class OtherNumberOfSlotsError(InvalidError):
    """An individual paid for a number of slots: the new time has exactly as many (A14)."""

    title_en = "As many slots as were paid"
    title_ru = "Слотов должно быть столько, сколько оплачено"


class RecurringCannotBeMovedError(ConflictError):
    """The times of a booking that recurs are moved by `reservation/occurrences/reschedule`."""

    title_en = "A booking that recurs is moved by its times"
    title_ru = "Повторяющееся бронирование переносится по датам"


class OtherCurrencyError(InvalidError):
    """What is booked there costs another currency than what was booked."""

    title_en = "The price there is in another currency"
    title_ru = "Цена там в другой валюте"


class TimesCannotBeMovedError(ConflictError):
    """Some of the times cannot be had there; nothing was moved. `conflicts` says of each where it would go and why it
    cannot, in the words of `booking.places.unavailable` and `other_number_of_slots`, `other_currency`."""

    title_en = "Some of the times cannot be moved there"
    title_ru = "Не все даты можно перенести"


@dataclass(frozen=True, slots=True)
class Move:
    """Where and when a booking goes.

    Attributes:
        slots: how many the new time has, by the rules of the resource.
        unit_price: of one slot there.
    """

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    slots: int
    unit_price: Money


def price_there(order: OrderCopy, paid_slots: int, paid: Money, slots: int, price: Money) -> Money:
    """What one slot costs after a move (A14): an individual has as many slots as were paid, for what was paid; a
    company pays what is asked there.

    Raises:
        OtherNumberOfSlotsError, OtherCurrencyError.
    """
    if order.payer_kind != "company":
        if slots != paid_slots:
            raise OtherNumberOfSlotsError(field="ends_at", slots=slots, paid_slots=paid_slots)
        return paid
    if price.currency != paid.currency:
        raise OtherCurrencyError(field="resource_id", allowed=paid.currency)
    return price


def moved(reservation: Reservation, order: OrderCopy, to: Move, *, now: datetime) -> Reservation:
    """The reservation at its new place and time (A13, A14). What an individual paid stays the price.

    Raises:
        CannotBeMovedError, RecurringCannotBeMovedError, BegunError, OtherNumberOfSlotsError, OtherCurrencyError.
    """
    if reservation.status not in TAKING:
        raise CannotBeMovedError(state={"status": reservation.status.value, "version": reservation.version})
    if reservation.occurrences:
        raise RecurringCannotBeMovedError
    if reservation.status is Status.ACTIVE and (to.starts_at != reservation.starts_at or to.ends_at <= now):
        raise BegunError(field="starts_at", starts_at=reservation.starts_at.isoformat(), now=now.isoformat())
    unit_price = price_there(order, reservation.slots, reservation.unit_price, to.slots, to.unit_price)
    return replace(
        reservation,
        resource_id=to.resource_id,
        starts_at=to.starts_at,
        ends_at=to.ends_at,
        slots=to.slots,
        unit_price=unit_price,
        version=reservation.version + 1,
    )


class Scope(StrEnum):
    """Which times of a booking that recurs are meant: one, it and those with higher numbers, or all."""

    ONE = "one"
    FOLLOWING = "following"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class SeriesMove:
    """Where and when times of a booking that recurs go.

    Attributes:
        number: of the time that goes from `starts_at` to `ends_at`. The others of the scope go as many days further or
            back, to the same time of day and for as long, by the wall clock.
        resource: another resource for all of them; None: each stays where it is.
        skip: numbers of those that stay as they are.
    """

    number: int
    scope: Scope
    starts_at: datetime
    ends_at: datetime
    resource: Resource | None
    skip: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class MovedTime:
    """One time that moves. `reason`: why it cannot; None: it can."""

    before: Occurrence
    after: Occurrence
    reason: str | None = None


def times_to_move(reservation: Reservation, to: SeriesMove, *, now: datetime) -> list[Occurrence]:
    """The times that a move is about, in order: those that have not begun. One that is under way keeps its beginning,
    and can end later.

    Raises:
        CannotBeMovedError, NotRecurringError, UnknownOccurrenceError, BegunError.
    """
    if reservation.status not in TAKING:
        raise CannotBeMovedError(state={"status": reservation.status.value, "version": reservation.version})
    if not reservation.occurrences:
        raise NotRecurringError("Move it by `reservation/reschedule`.")
    times = {each.number: each for each in reservation.times}
    if (meant := times.get(to.number)) is None:
        raise UnknownOccurrenceError(field="number", allowed=sorted(times))
    if unknown := set(to.skip) - {each.number for each in reservation.occurrences}:
        raise UnknownOccurrenceError(field="skip", value=sorted(unknown), allowed=sorted(times))
    if meant.starts_at <= now:
        under_way = to.scope is Scope.ONE and to.starts_at == meant.starts_at and meant.ends_at > now
        if not under_way or to.ends_at <= now:
            raise BegunError(field="starts_at", starts_at=meant.starts_at.isoformat(), now=now.isoformat())
        return [meant]
    return [
        each
        for each in reservation.times
        if each.starts_at > now
        and each.number not in to.skip
        and (
            to.scope is Scope.ALL
            or each.number == meant.number
            or (to.scope is Scope.FOLLOWING and each.number > meant.number)
        )
    ]


def moved_times(
    reservation: Reservation,
    order: OrderCopy,
    to: SeriesMove,
    moving: Sequence[Occurrence],
    resources: Mapping[UUID, Resource],
    *,
    now: datetime,
) -> list[MovedTime]:
    """Where each of these times goes, or why it cannot by the rules that bind who moves (A14): for an individual each
    has as many slots as were paid for it. Those that are there already are left out."""
    meant = next(each for each in reservation.times if each.number == to.number)
    was_in = resources[meant.resource_id].location.calendar
    goes_to = to.resource or resources[meant.resource_id]
    zone = goes_to.location.calendar.zone
    starts, ends = (instant.astimezone(zone).replace(tzinfo=None) for instant in (to.starts_at, to.ends_at))
    days = starts.date() - was_in.local_day(meant.starts_at)
    moved = []
    for each in moving:
        resource = to.resource or resources[each.resource_id]
        calendar = resource.location.calendar
        if each.number == meant.number:
            # Which of two times that the clocks show twice is meant, only the instant says.
            starts_at, ends_at = to.starts_at, to.ends_at
        else:
            day = resources[each.resource_id].location.calendar.local_day(each.starts_at) + days
            length = ends - starts
            begins = datetime.combine(day, starts.time())
            starts_at, ends_at = calendar.at(begins), calendar.at(begins + length)
        time = _moved_time(reservation, order, each, resource, starts_at, ends_at, now=now)
        if time.after != each:
            moved.append(time)
    return moved


def _moved_time(
    reservation: Reservation,
    order: OrderCopy,
    before: Occurrence,
    resource: Resource,
    starts_at: datetime,
    ends_at: datetime,
    *,
    now: datetime,
) -> MovedTime:
    there = replace(before, starts_at=starts_at, ends_at=ends_at, resource_id=resource.id)
    if there == before:
        return MovedTime(before, before)
    begun = before.starts_at <= now
    try:
        if not resource.active:
            raise UnknownResourceError(field="resource_id")
        slots = resource.location.calendar.count_slots(
            starts_at, ends_at, resource.slot_length, now=starts_at - timedelta(microseconds=1) if begun else now
        )
        unit_price = price_there(order, before.slots, before.unit_price, slots, resource.price)
    except InvalidError as error:
        return MovedTime(before, replace(there, slots=0), error.slug().replace("-", "_"))
    return MovedTime(before, replace(there, slots=slots, unit_price=unit_price))


@dataclass(frozen=True, slots=True)
class PlacedTime:
    """One time that moves, and what it takes there, per resource; nothing, where it cannot move."""

    time: MovedTime
    places: Mapping[UUID, Sequence[Taken]]


def placed(
    moved: Sequence[MovedTime], quantity: int, book: Book, resources: Mapping[UUID, Resource]
) -> list[PlacedTime]:
    """Each with the places it takes, noted in the book, in which its old ones are not; or with what keeps it from them.

    Raises:
        TooManyPlacesError: the resource has fewer places.
    """
    result = []
    for each in moved:
        resource = resources[each.after.resource_id]
        needs = resource.needs(quantity)
        places = None
        if each.reason is None:
            places = book.take(needs, resource.blocked(each.after.starts_at, each.after.ends_at))
        taken = each.reason is None and places is None
        result.append(PlacedTime(replace(each, reason="places_taken") if taken else each, places or {}))
    return result


def with_moved(reservation: Reservation, moved: Sequence[MovedTime]) -> Reservation:
    """The reservation with these times where they went."""
    after = {each.after.number: each.after for each in moved}
    occurrences = [after.get(each.number, each) for each in reservation.occurrences]
    return replace(reservation.recurring(occurrences), version=reservation.version + 1)
