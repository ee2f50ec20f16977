"""Times of a booking that recurs are given up (X5)."""

from dataclasses import replace
from datetime import datetime

from foyer_chassis.errors import ConflictError

from .reservation import (
    TAKING,
    BegunError,
    NotRecurringError,
    Occurrence,
    Reservation,
    UnknownOccurrenceError,
)


class LastOccurrencesError(ConflictError):
    """Nothing would be left of the booking: cancel the order."""

    title_en = "Nothing would be left"
    title_ru = "От бронирования ничего не останется"


class CannotBeCancelledError(ConflictError):
    """Only times of a booking that is held, confirmed or under way can be given up."""

    title_en = "The times cannot be given up"
    title_ru = "Отменить эти даты нельзя"


def without(
    reservation: Reservation, starts_at: datetime, *, following: bool, now: datetime
) -> tuple[Reservation, list[Occurrence]]:
    """The reservation without one of its times, or without that and all that follow; and those that are given up now
    (none: they were before).

    Raises:
        CannotBeCancelledError, NotRecurringError, UnknownOccurrenceError, BegunError, LastOccurrencesError
    """
    if reservation.status not in TAKING:
        raise CannotBeCancelledError(state={"status": reservation.status.value, "version": reservation.version})
    if not reservation.occurrences:
        raise NotRecurringError
    # Of a time that is left and one that was given up, the one that is left.
    at_that_time = [each for each in reservation.occurrences if each.starts_at == starts_at]
    meant = min(at_that_time, key=lambda each: each.cancelled, default=None)
    if meant is None:
        raise UnknownOccurrenceError(field="starts_at", value=starts_at.isoformat())
    if meant.starts_at <= now:
        raise BegunError(field="starts_at", starts_at=starts_at.isoformat(), now=now.isoformat())
    given_up = [
        each
        for each in reservation.occurrences
        if not each.cancelled and (each.number == meant.number or (following and each.starts_at > meant.starts_at))
    ]
    numbers = {each.number for each in given_up}
    after = [replace(each, cancelled=each.cancelled or each.number in numbers) for each in reservation.occurrences]
    if all(each.cancelled for each in after):
        raise LastOccurrencesError
    if not given_up:
        return reservation, []
    return replace(reservation.recurring(after), version=reservation.version + 1), given_up
