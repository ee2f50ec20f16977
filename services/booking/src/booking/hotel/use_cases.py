"""Hotel stays: asked for, and processed at the reception (A17)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError, StaleError
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import Actor, OrderPlaced, StayExtra

from ..lodging import store as lodging_store
from ..lodging import use_cases as lodging
from ..lodging.domain import (
    FARTHEST,
    LIVE,
    Group,
    Kind,
    Lodging,
    NotBegunError,
    NotPossibleNowError,
    Status,
    TooFarAheadError,
)
from ..resources import store as resources_store
from ..resources.domain import InThePastError, UnknownResourceError
from . import store
from .domain import (
    Extra,
    Guests,
    Rate,
    RoomNotAssignedError,
    RoomType,
    StayDatesInvalidError,
    Timed,
    UnknownExtraError,
    Wanted,
    quote,
)


async def hold_stays(transaction: Transaction, placed: Sequence[Event[OrderPlaced]], *, default_ttl: timedelta) -> None:
    asked = [event for event in placed if event.data.stay is not None]
    if not asked:
        return
    type_ids = {event.data.stay.room_type_id for event in asked if event.data.stay is not None}
    extra_ids = {item.extra_id for event in asked if event.data.stay is not None for item in event.data.stay.extras}

    async def prepare(groups: Mapping[UUID, Group]) -> lodging.Make:
        types = await store.types_of(transaction, groups)
        rates = await store.rates_of(transaction, type_ids)
        extras = await store.extras_by_id(transaction, extra_ids)
        return lambda event: _stay(event, types, rates, extras, now=transaction.now, default_ttl=default_ttl)

    await lodging.hold(transaction, asked, Kind.STAY, type_ids, prepare)


def _stay(
    event: Event[OrderPlaced],
    types: Mapping[UUID, RoomType],
    rates: Sequence[Rate],
    extras: Mapping[UUID, Extra],
    *,
    now: datetime,
    default_ttl: timedelta,
) -> Lodging:
    request = event.data.stay
    assert request is not None
    room_type = types.get(request.room_type_id)
    rate = next(
        (
            rate
            for rate in rates
            if rate.active and rate.type_id == request.room_type_id and request.tariff_id in (None, rate.id)
        ),
        None,
    )
    if room_type is None or not room_type.group.active or rate is None:
        raise UnknownResourceError
    group = room_type.group
    if request.arrival < now.astimezone(group.location.calendar.zone).date():
        raise InThePastError(field="arrival", now=now.isoformat())
    _not_too_far(request.arrival, now)
    wanted = _wanted(request.extras, extras, room_type, rate)
    guests = Guests(request.rooms, request.adults, request.children)
    found = quote(room_type, rate, wanted, request.arrival, request.departure, guests)
    return Lodging(
        id=new_id(),
        kind=Kind.STAY,
        number=0,
        code="",
        order_id=event.data.order_id,
        group_id=group.id,
        applicant_id=event.data.applicant_id,
        visitor_name=request.visitor.name,
        visitor_id=request.visitor.id,
        tariff_id=rate.id,
        tariff=rate.name,
        # Who comes in the evening has the room from now on.
        starts_at=max(found.starts_at, now),
        ends_at=found.ends_at,
        quantity=found.nights,
        items=found.items,
        status=Status.HELD,
        expires_at=lodging.hold_until(group, now, default_ttl),
        rooms=request.rooms,
        arrival=request.arrival,
        departure=request.departure,
        adults=request.adults,
        children=request.children,
        terms=found.terms,
    )


def _not_too_far(arrival: date, now: datetime) -> None:
    """Raises TooFarAheadError."""
    if arrival > (now + FARTHEST).date():
        raise TooFarAheadError(field="arrival")


def _wanted(extras: Sequence[StayExtra], known: Mapping[UUID, Extra], room_type: RoomType, rate: Rate) -> list[Wanted]:
    """Raises UnknownExtraError."""
    wanted = []
    for item in extras:
        extra = known.get(item.extra_id)
        if (
            extra is None
            or not extra.active
            or extra.location_id != room_type.group.location.id
            or extra.price.currency != rate.price.currency
        ):
            raise UnknownExtraError(field="extras.extra_id", value=str(item.extra_id))
        wanted.append(Wanted(extra, item.quantity, item.at, extra.price.amount))
    return wanted


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
    _not_too_far(arrival, transaction.now)
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
    wanted = _wanted(extras, known, room_type, rate)
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


async def create_type(
    transaction: Transaction,
    *,
    check_in: int,
    check_out: int,
    adults: int,
    guests: int,
    overbooking: int,
    **plan: Any,
) -> RoomType:
    group = await lodging.create_group(transaction, Kind.STAY, **plan)
    room_type = RoomType(group, check_in, check_out, adults, guests, overbooking)
    await store.save_type(transaction, room_type)
    await lodging.set_overbooking(transaction, group, overbooking)
    return room_type


async def change_type(
    transaction: Transaction,
    id_: UUID,
    *,
    check_in: int,
    check_out: int,
    adults: int,
    guests: int,
    overbooking: int,
    **plan: Any,
) -> RoomType:
    group = await lodging.change_group(transaction, Kind.STAY, id_, **plan)
    room_type = RoomType(group, check_in, check_out, adults, guests, overbooking)
    await store.save_type(transaction, room_type)
    await lodging.set_overbooking(transaction, group, overbooking)
    return room_type


async def create_rate(transaction: Transaction, type_id: UUID, **values: Any) -> Rate:
    """Raises NotFoundError: no such type."""
    await lodging.visible_group(transaction, Kind.STAY, type_id)
    rate = Rate(id=new_id(), type_id=type_id, version=1, **values)
    await store.save_rate(transaction, rate)
    return rate


async def change_rate(transaction: Transaction, id_: UUID, *, if_version: int, **values: Any) -> Rate:
    """Replace it; nights that are sold keep their price. Raises NotFoundError, StaleError, InvalidError."""
    current = await store.rate_by_id(transaction, id_, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    rate = replace(current, version=current.version + 1, **values)
    if rate.price.currency != current.price.currency:
        raise InvalidError("A rate keeps its currency: nights are sold in it.", field="price.currency")
    await store.save_rate(transaction, rate)
    return rate


async def create_extra(transaction: Transaction, location_id: UUID, **values: Any) -> Extra:
    """Raises NotFoundError: no such location."""
    if await resources_store.location_by_id(transaction, location_id) is None:
        raise NotFoundError
    extra = Extra(id=new_id(), location_id=location_id, version=1, **values)
    await store.save_extra(transaction, extra)
    return extra


async def change_extra(transaction: Transaction, id_: UUID, *, if_version: int, **values: Any) -> Extra:
    """Replace it; stays that have it keep its price. Raises NotFoundError, StaleError."""
    current = await store.extra_locked(transaction, id_)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    extra = replace(current, version=current.version + 1, **values)
    await store.save_extra(transaction, extra)
    return extra
