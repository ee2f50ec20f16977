"""Classes are scheduled, changed and called off."""

from dataclasses import replace
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError

from ...memberships import store as passes
from ...memberships.use_cases import check_groups
from ...resources import store as resources
from .. import store
from ..domain import BookedClassError, Change, Class, ClassTimeError, TooFewPlacesError, UnknownLocationError
from . import telling
from .places import class_locked, free

CLASS_CANCELLED = "class_cancelled"


async def save_class(transaction: Transaction, item: Class, *, if_version: int | None) -> Class:
    """A new class (`if_version` None), or another time, place, trainer, title or number of places for one. Who has a
    place is told of another time, place or trainer.

    Raises:
        NotFoundError, StaleError, UnknownGroupError, UnknownLocationError, ClassTimeError, TooFewPlacesError,
        BookedClassError, ClassOverError: it was cancelled, or has begun.
    """
    if item.ends_at <= item.starts_at or item.starts_at <= transaction.now:
        raise ClassTimeError(field="ends_at" if item.ends_at <= item.starts_at else "starts_at")
    await check_groups(transaction, (item.group_id,))
    if item.location_id is not None and await resources.location_by_id(transaction, item.location_id) is None:
        raise UnknownLocationError(field="location_id")
    if if_version is None:
        await store.save_class(transaction, item)
        return item
    known = await store.class_by_id(transaction, item.id, lock=True)
    if known is None:
        raise NotFoundError
    if known.version != if_version:
        raise StaleError(version=known.version)
    known.check_open(transaction.now)
    if known.booked and item.group_id != known.group_id:
        raise BookedClassError(field="group_id", booked=known.booked)
    if item.capacity < known.booked:
        raise TooFewPlacesError(field="capacity", booked=known.booked)
    item = replace(item, version=known.version + 1, booked=known.booked)
    await store.save_class(transaction, item)
    if known.booked and (changes := item.changes_since(known)):
        told = await store.touch_bookings(transaction, item.id, moved=Change.TIME in changes)
        await telling.publish_changed(transaction, known, item, changes, told)
    return item


async def cancel_class(transaction: Transaction, class_id: UUID) -> Class:
    """It does not take place; every visitor gets their visit back, and is told.

    Raises:
        NotFoundError, ClassOverError.
    """
    item = await class_locked(transaction, class_id)
    item.check_open(transaction.now)
    cancelled = replace(item, cancelled=True, version=item.version + 1)
    await store.save_class(transaction, cancelled)
    taken = await store.bookings_of_class(transaction, class_id)
    await passes.lock_passes(transaction, {booking.pass_id for booking in taken if booking.pass_id is not None})
    await free(transaction, {class_id: item}, taken, CLASS_CANCELLED)
    return replace(cancelled, booked=0)
