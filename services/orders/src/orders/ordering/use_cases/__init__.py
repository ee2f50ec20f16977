"""What can happen to an order. `placing` accepts one, `access` says who sees it, `events` what is told of a change."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError

from ...statuses import store as statuses
from .. import store
from ..domain import processing
from ..domain.change import Change
from ..domain.machine import Verb
from ..domain.order import Actor, Order
from .access import actor_for, may_edit, sees
from .events import history_of, publish

_COUNTERS = ("unread", "seen_version", "costs", "costs_sequence")
#: Fields whose change by staff is no news for the applicant.
_UNSEEN = frozenset({*_COUNTERS, "files", "assignee_id"})


async def visible_order(transaction: Transaction, caller: Caller, number: int, *, lock: bool = False) -> Order:
    """Raises NotFoundError: there is no such order that the caller may see."""
    order = await store.by_number(transaction, number, lock=lock)
    if order is None or not sees(caller, order):
        raise NotFoundError
    return order


async def change_order(
    transaction: Transaction,
    caller: Caller,
    number: int,
    make: Callable[[Order, Actor], Change],
    *,
    if_version: int | None = None,
    as_applicant: bool = False,
) -> Order:
    """A person changes an order.

    Args:
        as_applicant: it is the applicant's own to do; else staff's, with `orders:edit` for the kind.

    Raises:
        NotFoundError: there is no such order that the caller may see.
        ForbiddenError: they see it, but may not do that.
        StaleError: it is no longer at `if_version`; the problem has its present status.
    """
    order = await visible_order(transaction, caller, number, lock=True)
    actor = actor_for(caller, order, as_applicant=as_applicant)
    check_version(order, if_version)
    return await keep(transaction, order, make(order, actor))


def check_version(order: Order, if_version: int | None) -> None:
    """Raises StaleError: the order is no longer at that version."""
    if if_version is not None and order.version != if_version:
        raise StaleError(version=order.version, state={"status": order.status.value, "version": order.version})


async def cancel_order(
    transaction: Transaction,
    caller: Caller,
    number: int,
    *,
    note: str | None,
    if_version: int | None,
    keep_fee: bool = False,
) -> Order:
    """A person cancels an order (A25, B14): the applicant their own, staff those of their kinds.

    Raises:
        NotFoundError, ForbiddenError, StaleError: as `change_order`.
        CannotBeCancelledError, ReasonNeededError: see `processing.cancel`.
    """
    order = await visible_order(transaction, caller, number, lock=True)
    check_version(order, if_version)
    own = order.applicant_id == caller.id and not may_edit(caller, order)
    actor = actor_for(caller, order, as_applicant=own, permission="orders:cancel_own")
    change = processing.cancel(order, actor, transaction.now, note=note, keep_fee=keep_fee)
    return await keep(transaction, order, change)


async def act(
    transaction: Transaction, caller: Caller, number: int, verb: Verb, *, note: str | None, if_version: int | None
) -> Order:
    """A person uses a verb of the order's machine, as its applicant or as staff, whoever the verb is for.

    Raises:
        NotFoundError, ForbiddenError, StaleError: as `change_order`.
        NotInThisStatusError and the problems of guards: see `processing.act`.
    """
    by_applicant = verb in (Verb.CONFIRM, Verb.RETURN)
    return await change_order(
        transaction,
        caller,
        number,
        lambda order, actor: processing.act(order, verb, actor, transaction.now, note=note),
        if_version=if_version,
        as_applicant=by_applicant,
    )


async def mark_read(transaction: Transaction, caller: Caller, number: int) -> None:
    """The applicant has opened the order (B28).

    Raises:
        NotFoundError, ForbiddenError.
    """
    order = await visible_order(transaction, caller, number, lock=True)
    actor_for(caller, order, as_applicant=True)
    await keep(transaction, order, processing.opened(order, order.version))


async def hear(
    transaction: Transaction, order_id: UUID, make: Callable[[Order, datetime], Change | Awaitable[Change]]
) -> None:
    """Another service told something about an order. What concerns an order unknown here is not ours."""
    order = await store.by_id_locked(transaction, order_id)
    if order is not None:
        made = make(order, transaction.now)
        await keep(transaction, order, made if isinstance(made, Change) else await made)


async def keep(transaction: Transaction, before: Order, change: Change) -> Order:
    """Store the change, if there is one, and publish what happened."""
    if change.order == before and not change.happened:
        return before
    if _is_quiet(before, change):
        store.save(transaction, change.order, [])
        return change.order
    order = replace(change.order, version=before.version + 1, updated_at=max(transaction.now, before.updated_at))
    if _changed_by_staff(before, change):
        order = replace(order, staff_version=order.version)
    directory = await statuses.directory(transaction)
    store.save(transaction, order, history_of(order, change.happened))
    publish(transaction, order, change.happened, directory)
    return order


def _is_quiet(before: Order, change: Change) -> bool:
    """Counters only, which make nobody's copy of the order stale."""
    counters = {name: getattr(before, name) for name in _COUNTERS}
    return not change.happened and replace(change.order, **counters) == before


def _changed_by_staff(before: Order, change: Change) -> bool:
    """B28: whether this is news for the applicant, made by staff."""
    actors = [actor for item in change.happened if isinstance(actor := getattr(item, "actor", None), Actor)]
    if not any(actor.kind == "staff" for actor in actors):
        return False
    fields = (name for name in Order.__dataclass_fields__ if name not in _UNSEEN)
    return any(getattr(before, name) != getattr(change.order, name) for name in fields)
