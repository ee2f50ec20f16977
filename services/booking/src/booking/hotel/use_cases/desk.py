"""Stays are processed at the reception (A17)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts.orders import Actor, StayExtra

from ...lodging import store as lodging_store
from ...lodging import use_cases as lodging
from ...lodging.domain import LIVE, Group, Lodging, NotBegunError, NotPossibleNowError, Status
from ...resources.domain import InThePastError
from .. import store
from ..domain import Guests, RoomNotAssignedError, StayDatesInvalidError, Timed, Wanted, quote
from .asking import extras_wanted, not_too_far


async def check_in(transaction: Transaction, stay: Lodging, group: Group, actor: Actor) -> Lodging:
    """The guests are here; once. Raises NotPossibleNowError, NotBegunError, RoomNotAssignedError."""
    if stay.checked_in_at is not None and stay.status in (*LIVE, Status.ENDED):
        return stay
    lodging.need(stay, LIVE)
    if transaction.now < stay.starts_at:
        raise NotBegunError(starts_at=stay.starts_at.isoformat())
    if any(room.overbooked for room in await lodging_store.claimed_units(transaction, stay.id)):
        raise RoomNotAssignedError(place=stay.place)
    after = replace(stay, checked_in_at=transaction.now, no_show_due_at=None, version=stay.version + 1)
    await lodging_store.save(transaction, after)
    lodging.publish_changed(transaction, after, group, "checked_in", actor)
    return after


async def check_out(transaction: Transaction, stay: Lodging, group: Group, actor: Actor) -> Lodging:
    """The guests went; nights that lie ahead are free. Raises NotPossibleNowError: nobody was checked in."""
    if stay.checked_out_at is not None:
        return stay
    if stay.checked_in_at is None:
        raise NotPossibleNowError(state={"status": stay.status.value, "checked_in": False})
    lodging.need(stay, (*LIVE, Status.ENDED))
    if stay.status is Status.ENDED or transaction.now <= stay.starts_at:
        after = replace(stay, checked_out_at=transaction.now, version=stay.version + 1)
        await lodging_store.save(transaction, after)
    else:
        after = await lodging.end_now(transaction, replace(stay, checked_out_at=transaction.now), group)
    lodging.publish_changed(transaction, after, group, "checked_out", actor)
    return after


async def no_show(transaction: Transaction, stay: Lodging, group: Group, actor: Actor) -> Lodging:
    """Nobody came. Raises NotPossibleNowError, NotBegunError."""
    if transaction.now < stay.starts_at:
        raise NotBegunError(starts_at=stay.starts_at.isoformat())
    return await lodging.give_up(transaction, stay, group, actor)


async def move_room(
    transaction: Transaction,
    stay: Lodging,
    group: Group,
    actor: Actor,
    *,
    room_id: UUID,
    from_room_id: UUID | None,
) -> Lodging:
    """Another room of the type for what is left of the stay. Raises NotFoundError, and what `move_unit` raises."""
    room = await lodging_store.unit_by_id(transaction, room_id)
    given_up = None if from_room_id is None else await lodging_store.unit_by_id(transaction, from_room_id)
    if room is None or room.overbooked or room.group_id != group.id or (from_room_id is not None and given_up is None):
        raise NotFoundError("There is no such room of this type.", field="room_id")
    after = await lodging.move_unit(transaction, stay, group, room, from_unit=given_up, actor=actor)
    if after is not stay:
        lodging.publish_changed(transaction, after, group, "room_moved", actor)
    return after


async def change_dates(
    transaction: Transaction, stay: Lodging, group: Group, actor: Actor, *, arrival: date, departure: date
) -> Lodging:
    """Other nights. Those that stay keep their price; a stay that has begun changes only its end, to a later instant
    than now.

    Raises:
        NotPossibleNowError, StayDatesInvalidError, PlacesTakenError, StayTooShortError.
    """
    lodging.need(stay, LIVE)
    if (arrival, departure) == (stay.arrival, stay.departure):
        return stay
    begun = stay.starts_at <= transaction.now
    if begun and arrival != stay.arrival:
        raise StayDatesInvalidError("A stay that has begun keeps its first night.", field="arrival")
    if arrival < transaction.now.astimezone(group.location.calendar.zone).date() and not begun:
        raise InThePastError(field="arrival", now=transaction.now.isoformat())
    not_too_far(arrival, transaction.now)
    room_type = (await store.types_of(transaction, {group.id: group}))[group.id]
    rate = await store.rate_by_id(transaction, stay.tariff_id)
    assert rate is not None
    assert stay.adults is not None
    guests = Guests(stay.rooms, stay.adults, stay.children or 0)
    found = quote(
        room_type,
        rate,
        await _sold_extras(transaction, stay),
        arrival,
        departure,
        guests,
        sold=stay.terms["nights"],
    )
    if found.ends_at <= transaction.now:
        raise StayDatesInvalidError("What lies behind cannot be changed.", field="departure")
    changed = replace(
        stay,
        arrival=arrival,
        departure=departure,
        starts_at=stay.starts_at if begun else max(found.starts_at, transaction.now),
        ends_at=found.ends_at,
        quantity=found.nights,
        items=found.items,
        terms=found.terms,
    )
    again = lodging.retime if begun else lodging.retake
    after = await again(transaction, stay, changed, group, actor)
    lodging.publish_changed(transaction, after, group, "dates_changed", actor)
    return after


async def add_extras(
    transaction: Transaction, stay: Lodging, group: Group, actor: Actor, *, extras: Sequence[StayExtra]
) -> Lodging:
    """More extras, at their present price; what is sold keeps its own. A late check-out looks at who comes after, an
    early check-in, before the stay begins, at who was there before.

    Raises:
        NotPossibleNowError, UnknownExtraError, ExtraTimeInvalidError, PlacesTakenError.
    """
    lodging.need(stay, LIVE)
    room_type = (await store.types_of(transaction, {group.id: group}))[group.id]
    rate = await store.rate_by_id(transaction, stay.tariff_id)
    assert rate is not None
    assert stay.arrival is not None
    assert stay.departure is not None
    assert stay.adults is not None
    known = await store.extras_by_id(transaction, {item.extra_id for item in extras})
    wanted = extras_wanted(extras, known, room_type, rate)
    begun = stay.starts_at <= transaction.now
    if begun and any(item.extra.timed is Timed.EARLY_CHECK_IN for item in wanted):
        raise NotPossibleNowError("The stay has begun.", starts_at=stay.starts_at.isoformat())
    found = quote(
        room_type,
        rate,
        [*await _sold_extras(transaction, stay), *wanted],
        stay.arrival,
        stay.departure,
        Guests(stay.rooms, stay.adults, stay.children or 0),
        sold=stay.terms["nights"],
    )
    changed = replace(
        stay,
        starts_at=stay.starts_at if begun else max(found.starts_at, transaction.now),
        ends_at=found.ends_at,
        items=found.items,
        terms=found.terms,
    )
    again = lodging.retime if begun else lodging.retake
    return await again(transaction, stay, changed, group, actor)


async def _sold_extras(transaction: Transaction, stay: Lodging) -> list[Wanted]:
    sold = stay.terms["extras"]
    known = await store.extras_by_id(transaction, {UUID(item["id"]) for item in sold})
    return [
        Wanted(
            known[UUID(item["id"])],
            item["quantity"],
            None if item["at"] is None else time.fromisoformat(item["at"]),
            item["amount"],
        )
        for item in sold
    ]
