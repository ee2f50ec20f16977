"""Coworking tickets: asked for, and processed at the desk (A16)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import Actor, OrderPlaced

from ..lodging import store as lodging_store
from ..lodging import use_cases as lodging
from ..lodging.domain import (
    LIVE,
    TAKING,
    Asked,
    BlockedError,
    Group,
    Item,
    Kind,
    Lodging,
    NotBegunError,
    NotPossibleNowError,
    Status,
    Unit,
)
from . import store
from .domain import Tariff, TooLongError, Wanted, period, wish


async def hold_tickets(
    transaction: Transaction, placed: Sequence[Event[OrderPlaced]], *, default_ttl: timedelta
) -> None:
    asked = [event for event in placed if event.data.ticket is not None]
    if not asked:
        return
    requests = [_wanted(event) for event in asked]

    async def prepare(spaces: Mapping[UUID, Group]) -> lodging.Make:
        tariffs = await store.tariffs_by_id(transaction, {item.tariff_id for item in requests})
        places = {item.place_id for item in requests if item.place_id is not None}
        chosen = await lodging_store.units_by_id(transaction, places)
        return lambda event, now: _ticket(event, spaces, tariffs, chosen, now=now)

    spaces = {item.space_id for item in requests}
    await lodging.hold(transaction, asked, Kind.TICKET, spaces, prepare, default_ttl=default_ttl)


def _wanted(placed: Event[OrderPlaced]) -> Wanted:
    ticket = placed.data.ticket
    assert ticket is not None
    return Wanted(ticket.space_id, ticket.tariff_id, ticket.starts_at, ticket.quantity, ticket.place_id)


def _ticket(
    event: Event[OrderPlaced],
    spaces: Mapping[UUID, Group],
    tariffs: Mapping[UUID, Tariff],
    chosen: Mapping[UUID, Unit],
    *,
    now: datetime,
) -> Lodging:
    request, wanted = event.data.ticket, _wanted(event)
    assert request is not None
    place = None if wanted.place_id is None else chosen.get(wanted.place_id)
    space, tariff, wished = wish(wanted, spaces.get(wanted.space_id), tariffs.get(wanted.tariff_id), place, now=now)
    return Lodging(
        id=new_id(),
        kind=Kind.TICKET,
        number=0,
        code="",
        order_id=event.data.order_id,
        group_id=space.id,
        applicant_id=event.data.applicant_id,
        visitor_name=request.visitor.name,
        visitor_id=request.visitor.id,
        tariff_id=tariff.id,
        tariff=tariff.name,
        starts_at=wished.starts_at,
        ends_at=wished.ends_at,
        quantity=wanted.quantity,
        items=(Item(f"{space.name}, тариф «{tariff.name}»", wanted.quantity, tariff.price),),
        status=Status.HELD,
        expires_at=None,
        unit_id=wished.unit_id,
        zone=wished.zone,
    )


async def asked_for(transaction: Transaction, wanted: Wanted, *, lock: bool = False) -> Asked:
    """A place that is to be kept. `lock`: with the lock of its space.

    Raises:
        what `wish` raises: it could never be ordered.
    """
    spaces = await lodging_store.groups_by_id(transaction, [wanted.space_id], Kind.TICKET, lock=lock)
    tariffs = await store.tariffs_by_id(transaction, [wanted.tariff_id])
    place = None if wanted.place_id is None else await lodging_store.unit_by_id(transaction, wanted.place_id)
    space, tariff = spaces.get(wanted.space_id), tariffs.get(wanted.tariff_id)
    _, _, wished = wish(wanted, space, tariff, place, now=transaction.now)
    return Asked(Kind.TICKET, wished, wanted.tariff_id, wanted.quantity)


async def check_in(
    transaction: Transaction, ticket: Lodging, space: Group, actor: Actor, *, at: datetime, scan_id: UUID | None
) -> Lodging:
    """The visitor is here. A scan that is repeated, or older than what is known, changes nothing; one that was made
    offline in the ticket's time counts also when it is over by now.

    Raises:
        NotPossibleNowError, NotBegunError, BlockedError, ScanReusedError.
    """
    if scan_id is not None and not await store.note_scan(transaction, scan_id, ticket.id, "check_in", at):
        return ticket
    inside = ticket.checked_in_at is not None and ticket.checked_out_at is None
    if ticket.status in (*LIVE, Status.ENDED) and (inside or not _is_news(ticket, at)):
        return ticket
    lodging.need(ticket, (*LIVE, Status.ENDED))
    if ticket.blocked:
        raise BlockedError
    if at < ticket.starts_at:
        raise NotBegunError(starts_at=ticket.starts_at.isoformat())
    if at >= ticket.ends_at:
        raise NotPossibleNowError("Its time is over.", ends_at=ticket.ends_at.isoformat())
    after = replace(ticket, checked_in_at=at, checked_out_at=None, no_show_due_at=None, version=ticket.version + 1)
    await lodging_store.save(transaction, after)
    lodging.publish_changed(transaction, after, space, "checked_in", actor)
    return after


async def check_out(
    transaction: Transaction, ticket: Lodging, space: Group, actor: Actor, *, at: datetime, scan_id: UUID | None
) -> Lodging:
    """The visitor went; the place stays theirs until its time is over. Repeated scans change nothing.

    Raises:
        NotPossibleNowError: nobody was checked in. ScanReusedError.
    """
    if scan_id is not None and not await store.note_scan(transaction, scan_id, ticket.id, "check_out", at):
        return ticket
    if ticket.checked_in_at is None:
        raise NotPossibleNowError(state={"status": ticket.status.value, "checked_in": False})
    if ticket.checked_out_at is not None or not _is_news(ticket, at):
        return ticket
    lodging.need(ticket, (*LIVE, Status.ENDED))
    after = replace(ticket, checked_out_at=at, version=ticket.version + 1)
    await lodging_store.save(transaction, after)
    lodging.publish_changed(transaction, after, space, "checked_out", actor)
    return after


def _is_news(ticket: Lodging, at: datetime) -> bool:
    known = max((instant for instant in (ticket.checked_in_at, ticket.checked_out_at) if instant), default=None)
    return known is None or at > known


async def extend(transaction: Transaction, ticket: Lodging, space: Group, actor: Actor, *, quantity: int) -> Lodging:
    """`quantity` units of its tariff more, at the price it was sold for. Raises PlacesTakenError, TooLongError and
    what `period` raises."""
    lodging.need(ticket, LIVE)
    tariff = (await store.tariffs_by_id(transaction, [ticket.tariff_id]))[ticket.tariff_id]
    units = ticket.quantity + quantity
    if units > tariff.most:
        raise TooLongError(field="quantity", most=tariff.most - ticket.quantity)
    # Its start may be in the past; what is asked is when it ends.
    before = ticket.starts_at - timedelta(microseconds=1)
    _, ends_at = period(space.location.calendar, tariff.unit, ticket.starts_at, units, now=before)
    (item,) = ticket.items
    longer = replace(ticket, ends_at=ends_at, quantity=units, items=(replace(item, quantity=units),))
    after = await lodging.retime(transaction, ticket, longer, space, actor)
    lodging.publish_changed(transaction, after, space, "extended", actor)
    return after


async def move(transaction: Transaction, ticket: Lodging, space: Group, actor: Actor, *, unit_id: UUID) -> Lodging:
    """Another place of the same space. Raises NotFoundError: it has no such place; and what `move_unit` raises."""
    unit = await lodging_store.unit_by_id(transaction, unit_id)
    if unit is None or unit.group_id != space.id:
        raise NotFoundError("There is no such place in this space.", field="unit_id")
    after = await lodging.move_unit(transaction, ticket, space, unit, from_unit=None, actor=actor)
    if after is not ticket:
        lodging.publish_changed(transaction, after, space, "moved", actor)
    return after


async def end_early(transaction: Transaction, ticket: Lodging, space: Group, actor: Actor) -> Lodging:
    """Over now; the place is free. What was paid stays paid. Raises NotPossibleNowError, NotBegunError."""
    if ticket.status is Status.ENDED:
        return ticket
    lodging.need(ticket, LIVE)
    if transaction.now <= ticket.starts_at:
        raise NotBegunError("Its time has not begun yet: cancel the order.", starts_at=ticket.starts_at.isoformat())
    after = await lodging.end_now(transaction, ticket, space)
    lodging.publish_rescheduled(transaction, ticket, after, space, actor)
    lodging.publish_changed(transaction, after, space, "ended_early", actor)
    return after


async def set_blocked(
    transaction: Transaction, ticket: Lodging, space: Group, actor: Actor, *, blocked: bool
) -> Lodging:
    """A blocked ticket does not check in; its place stays taken. Raises NotPossibleNowError: it is over."""
    if ticket.blocked == blocked:
        return ticket
    lodging.need(ticket, TAKING)
    after = replace(ticket, blocked=blocked, version=ticket.version + 1)
    await lodging_store.save(transaction, after)
    lodging.publish_changed(transaction, after, space, "blocked" if blocked else "unblocked", actor)
    return after


async def no_show(transaction: Transaction, ticket: Lodging, space: Group, actor: Actor) -> Lodging:
    """Nobody came. Raises NotPossibleNowError, NotBegunError."""
    if transaction.now < ticket.starts_at:
        raise NotBegunError(starts_at=ticket.starts_at.isoformat())
    return await lodging.give_up(transaction, ticket, space, actor)


async def create_tariff(transaction: Transaction, space_id: UUID, **values: Any) -> Tariff:
    """Raises NotFoundError: no such space."""
    await lodging.visible_group(transaction, Kind.TICKET, space_id)
    tariff = Tariff(id=new_id(), space_id=space_id, version=1, **values)
    await store.save_tariff(transaction, tariff)
    return tariff


async def change_tariff(transaction: Transaction, tariff_id: UUID, *, if_version: int, **values: Any) -> Tariff:
    """Replace it; tickets that are sold keep their price. Raises NotFoundError, StaleError."""
    current = await store.tariff_locked(transaction, tariff_id)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    tariff = replace(current, version=current.version + 1, **values)
    await store.save_tariff(transaction, tariff)
    return tariff
