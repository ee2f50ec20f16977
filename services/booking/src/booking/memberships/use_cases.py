"""Memberships are issued when they are paid, activated, attached, frozen, withdrawn."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Database, Transaction
from foyer_chassis.errors import InvalidError, NotFoundError, StaleError
from foyer_contracts import booking as events
from foyer_contracts.ids import new_id
from foyer_contracts.orders import Actor

from ..visitors import store as visitors
from . import domain, store
from .domain import (
    GUESS_WINDOW,
    MOST_GUESSES_OF_CALLER,
    MOST_GUESSES_OF_PASS,
    MembershipType,
    Pass,
    Status,
    TooManyGuessesError,
    WrongCodeError,
)


class UnknownGroupError(InvalidError):
    """There is no such group of classes."""

    title_en = "Unknown group"
    title_ru = "Нет такой группы"


class UnknownVisitorError(InvalidError):
    """There is no such visitor."""

    title_en = "Unknown visitor"
    title_ru = "Нет такого посетителя"


async def check_groups(transaction: Transaction, group_ids: tuple[UUID, ...]) -> None:
    """Raises UnknownGroupError."""
    if unknown := await store.unknown_groups(transaction, group_ids):
        raise UnknownGroupError(field="group_ids", unknown=sorted(str(id_) for id_ in unknown))


async def save_type(transaction: Transaction, item: MembershipType, *, if_version: int | None) -> MembershipType:
    """A new type (`if_version` None), or another content of one. Passes that were sold stay as they were.

    Raises:
        NotFoundError, StaleError, UnknownGroupError.
    """
    await check_groups(transaction, item.group_ids)
    if if_version is not None:
        known = await store.type_by_id(transaction, item.id, lock=True)
        if known is None:
            raise NotFoundError
        if known.version != if_version:
            raise StaleError(version=known.version)
        item = replace(item, version=known.version + 1)
    await store.save_type(transaction, item)
    return item


async def issue(transaction: Transaction, order_id: UUID, type_id: UUID, buyer_id: UUID) -> None:
    """A membership is paid: its pass is issued, once (D3)."""
    kind = await store.type_by_id(transaction, type_id)
    if kind is None:
        return
    code = domain.new_code()
    found = domain.split_code(code)
    assert found is not None
    key, code_hash = found
    item = Pass(
        id=new_id(),
        number=await store.next_number(transaction),
        type_id=type_id,
        title=kind.title,
        order_id=order_id,
        buyer_id=buyer_id,
        code_key=key,
        code_hash=code_hash,
        visits_left=kind.visits,
        valid_days=kind.valid_days,
        group_ids=kind.group_ids,
    )
    if not await store.add(transaction, item):
        return
    transaction.publish(
        events.PassIssued(
            pass_id=item.id,
            number=item.number,
            order_id=order_id,
            buyer_id=buyer_id,
            membership_type_id=type_id,
            title=item.title,
            visits=item.visits_left,
            valid_days=item.valid_days,
        ),
        subject=item.id,
        sequence=item.version,
    )
    # The code is known in this moment only: what is kept is its hash, what travels is private.
    transaction.publish(
        events.PassCodeIssued(pass_id=item.id, number=item.number, buyer_id=buyer_id, title=item.title, code=code),
        subject=item.id,
        sequence=item.version,
    )


async def activate(transaction: Transaction, database: Database, caller_id: UUID, code: str) -> Pass:
    """D5: a code works once; guesses are limited for the caller and for the pass.

    Raises:
        TooManyGuessesError, WrongCodeError.
    """
    since = transaction.now - GUESS_WINDOW
    await store.lock_guesses(transaction, str(caller_id))
    if await store.guesses_of(transaction, caller_id, since=since) >= MOST_GUESSES_OF_CALLER:
        raise TooManyGuessesError(retry_after_seconds=int(GUESS_WINDOW.total_seconds()))
    parts = domain.split_code(code)
    if parts is not None:
        await store.lock_guesses(transaction, parts[0])
    candidates = [] if parts is None else await store.passes_by_code(transaction, parts[0])
    allowed = [item for item in candidates if item.guesses < MOST_GUESSES_OF_PASS]
    matching = [item for item in allowed if parts is not None and domain.opens(item, parts[1])]
    if not matching:
        # By itself, since this transaction is rolled back with the refusal; and by connections that nobody holds while
        # waiting for another one.
        async with database.direct() as noting:
            await store.note_guess(noting, caller_id, [item.id for item in candidates], since=since)
        raise WrongCodeError(field="code")
    item = await _locked(transaction, matching[0].id)
    if item.status is not Status.ISSUED:
        raise WrongCodeError(field="code")
    activated = domain.activated(item)
    await store.save(transaction, activated)
    transaction.publish(
        events.PassActivated(
            pass_id=item.id,
            number=item.number,
            order_id=item.order_id,
            buyer_id=item.buyer_id,
            actor=Actor(kind="staff", id=caller_id),
        ),
        subject=item.id,
        sequence=activated.version,
    )
    return activated


async def attach(
    transaction: Transaction,
    pass_id: UUID,
    visitor_id: UUID,
    *,
    group_ids: tuple[UUID, ...] | None,
    valid_from: datetime | None,
    valid_until: datetime | None,
) -> Pass:
    """D6: the membership belongs to a visitor from now on.

    Raises:
        NotFoundError, UnknownVisitorError, UnknownGroupError, PassStateError, GroupNotOpenedError, ValidityError.
    """
    if await visitors.visitor_by_id(transaction, visitor_id) is None:
        raise UnknownVisitorError(field="visitor_id")
    await check_groups(transaction, group_ids or ())
    item = await _locked(transaction, pass_id)
    attached = domain.attached(
        item,
        visitor_id,
        group_ids=group_ids,
        valid_from=valid_from or transaction.now,
        valid_until=valid_until,
    )
    await store.save(transaction, attached)
    assert attached.valid_from is not None
    transaction.publish(
        events.PassAttached(
            pass_id=item.id,
            number=item.number,
            order_id=item.order_id,
            buyer_id=item.buyer_id,
            visitor_id=visitor_id,
            group_ids=list(attached.group_ids),
            visits=attached.visits_left,
            valid_from=attached.valid_from,
            valid_until=attached.valid_until,
        ),
        subject=item.id,
        sequence=attached.version,
    )
    return attached


async def freeze(transaction: Transaction, pass_id: UUID, until: datetime | None, *, if_version: int) -> Pass:
    """Not used until then, or (`until` None) used again from now on. Class bookings are `classes.use_cases`' to free.

    Raises:
        NotFoundError, StaleError, PassStateError, ValidityError.
    """
    item = await _locked(transaction, pass_id)
    if item.version != if_version:
        raise StaleError(version=item.version, state=item.state())
    now = transaction.now
    changed = domain.unfrozen(item, now) if until is None else domain.frozen(item, until, now)
    await store.save(transaction, changed)
    return changed


async def withdraw(transaction: Transaction, pass_id: UUID, reason: str) -> Pass:
    """D7: the membership is taken back, from its visitor too. Its class bookings are `classes.use_cases`' to free.

    Raises:
        NotFoundError, PassStateError.
    """
    item = await _locked(transaction, pass_id)
    gone = domain.withdrawn(item)
    await store.save(transaction, gone)
    transaction.publish(
        events.PassWithdrawn(
            pass_id=item.id,
            number=item.number,
            order_id=item.order_id,
            buyer_id=item.buyer_id,
            visitor_id=item.visitor_id,
            reason=reason,
        ),
        subject=item.id,
        sequence=gone.version,
    )
    return gone


async def pass_now(transaction: Transaction, pass_id: UUID) -> Pass:
    """Raises NotFoundError."""
    return await _locked(transaction, pass_id)


async def _locked(transaction: Transaction, pass_id: UUID) -> Pass:
    item = await store.pass_by_id(transaction, pass_id, lock=True)
    if item is None:
        raise NotFoundError
    return item
