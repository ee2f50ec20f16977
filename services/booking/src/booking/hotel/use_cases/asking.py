"""Stays are asked for: by orders, or to be kept before there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OrderPlaced, StayExtra

from ...lodging import store as lodging_store
from ...lodging import use_cases as lodging
from ...lodging.domain import FARTHEST, Asked, Group, Kind, Lodging, Status, TooFarAheadError, Wish
from ...resources.domain import InThePastError, UnknownResourceError
from .. import store
from ..domain import Extra, Guests, Quote, Rate, RoomType, UnknownExtraError, Wanted, quote


@dataclass(frozen=True)
class WantedStay:
    """Rooms of a type for the nights from `arrival` up to `departure`. `tariff_id`: None: the first rate there is."""

    room_type_id: UUID
    tariff_id: UUID | None
    arrival: date
    departure: date
    guests: Guests
    extras: tuple[StayExtra, ...]


async def hold_stays(transaction: Transaction, placed: Sequence[Event[OrderPlaced]], *, default_ttl: timedelta) -> None:
    asked = [event for event in placed if event.data.stay is not None]
    if not asked:
        return
    requests = [_wanted_stay(event) for event in asked]
    type_ids = {item.room_type_id for item in requests}

    async def prepare(groups: Mapping[UUID, Group]) -> lodging.Make:
        types = await store.types_of(transaction, groups)
        rates = await store.rates_of(transaction, type_ids)
        extras = await store.extras_by_id(transaction, {extra.extra_id for item in requests for extra in item.extras})
        return lambda event, now: _stay(event, types, rates, extras, now=now)

    await lodging.hold(transaction, asked, Kind.STAY, type_ids, prepare, default_ttl=default_ttl)


def _wanted_stay(placed: Event[OrderPlaced]) -> WantedStay:
    stay = placed.data.stay
    assert stay is not None
    guests = Guests(stay.rooms, stay.adults, stay.children)
    return WantedStay(stay.room_type_id, stay.tariff_id, stay.arrival, stay.departure, guests, tuple(stay.extras))


def _stay(
    event: Event[OrderPlaced],
    types: Mapping[UUID, RoomType],
    rates: Sequence[Rate],
    extras: Mapping[UUID, Extra],
    *,
    now: datetime,
) -> Lodging:
    request, wanted = event.data.stay, _wanted_stay(event)
    assert request is not None
    group, rate, found = _quoted(wanted, types, rates, extras, now=now)
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
        expires_at=None,
        rooms=wanted.guests.rooms,
        arrival=wanted.arrival,
        departure=wanted.departure,
        adults=wanted.guests.adults,
        children=wanted.guests.children,
        terms=found.terms,
    )


async def asked_for(transaction: Transaction, wanted: WantedStay, *, lock: bool = False) -> Asked:
    """Rooms that are to be kept. `lock`: with the lock of their type.

    Raises:
        what `_quoted` raises: it could never be ordered.
    """
    groups = await lodging_store.groups_by_id(transaction, [wanted.room_type_id], Kind.STAY, lock=lock)
    types = await store.types_of(transaction, groups)
    rates = await store.rates_of(transaction, [wanted.room_type_id])
    extra_ids = {item.extra_id for item in wanted.extras}
    extras = await store.extras_by_id(transaction, extra_ids) if extra_ids else {}
    group, rate, found = _quoted(wanted, types, rates, extras, now=transaction.now)
    wish = Wish(group.id, found.starts_at, found.ends_at, wanted.guests.rooms)
    return Asked(Kind.STAY, wish, rate.id, found.nights, wanted.arrival, wanted.departure)


def _quoted(
    wanted: WantedStay,
    types: Mapping[UUID, RoomType],
    rates: Sequence[Rate],
    extras: Mapping[UUID, Extra],
    *,
    now: datetime,
) -> tuple[Group, Rate, Quote]:
    """Raises UnknownResourceError, InThePastError, TooFarAheadError, UnknownExtraError, and what `quote` raises."""
    room_type = types.get(wanted.room_type_id)
    rate = next(
        (
            rate
            for rate in rates
            if rate.active and rate.type_id == wanted.room_type_id and wanted.tariff_id in (None, rate.id)
        ),
        None,
    )
    if room_type is None or not room_type.group.active or rate is None:
        raise UnknownResourceError
    group = room_type.group
    if wanted.arrival < now.astimezone(group.location.calendar.zone).date():
        raise InThePastError(field="arrival", now=now.isoformat())
    not_too_far(wanted.arrival, now)
    priced = extras_wanted(wanted.extras, extras, room_type, rate)
    found = quote(room_type, rate, priced, wanted.arrival, wanted.departure, wanted.guests)
    return group, rate, found


def not_too_far(arrival: date, now: datetime) -> None:
    """Raises TooFarAheadError."""
    if arrival > (now + FARTHEST).date():
        raise TooFarAheadError(field="arrival")


def extras_wanted(
    extras: Sequence[StayExtra], known: Mapping[UUID, Extra], room_type: RoomType, rate: Rate
) -> list[Wanted]:
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
