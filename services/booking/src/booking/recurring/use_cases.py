"""A look at a booking that recurs before it is ordered."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from foyer_chassis.db import Transaction

from ..claiming import store as claiming
from ..claiming.domain import Book
from ..resources import store as resources_store
from ..resources.domain import Resource, UnknownResourceError
from .domain import Planned, Time, plan, times_of


async def preview(
    reading: Transaction,
    *,
    resource_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    quantity: int,
    recurrence: str,
    skip: Collection[date],
) -> tuple[Resource, list[Planned]]:
    """Every time with what keeps it from being had, as an order would find it now; nothing is taken.

    Raises:
        UnknownResourceError, RecurrenceInvalidError, TooManyPlacesError
    """
    resource = (await resources_store.resources_by_id(reading, [resource_id])).get(resource_id)
    if resource is None or not resource.active:
        raise UnknownResourceError(field="resource_id")
    times = times_of(recurrence, starts_at, ends_at, resource.location.calendar.zone, skip)
    book = await book_around(reading, resource, quantity, times)
    return resource, plan(resource, quantity, times, book, now=reading.now)


async def book_around(reading: Transaction, resource: Resource, quantity: int, times: Sequence[Time]) -> Book:
    """What is taken of all that these times need, in one query. Raises TooManyPlacesError."""
    begin, _ = resource.blocked(min(each.starts_at for each in times), times[0].ends_at)
    _, end = resource.blocked(times[0].starts_at, max(each.ends_at for each in times))
    ids = {need.resource_id for need in resource.needs(quantity)}
    return Book(await claiming.taken(reading, ids, begin, end))
