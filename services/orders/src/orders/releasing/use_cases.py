"""Orders wait for funds and are released by them."""

from dataclasses import replace
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.payments import AccountDebited, AccountInsufficient, AccountToppedUp

from ..customers import store as customers
from ..ordering import store as orders
from ..ordering.domain import settling
from ..ordering.use_cases import hear, keep
from ..statuses import store as statuses
from . import store
from .domain import BUILT_IN, MOST_RELEASED, Mode, NotForWaitingError, Settings, nearest, releases


async def debit(transaction: Transaction, event: AccountDebited) -> None:
    """C4: an order was charged to its customer's account."""
    await hear(transaction, event.order_id, lambda order, now: settling.account_debited(order, now, event.amount))
    await start_when_paid(transaction, event.order_id)


async def wait_for_funds(transaction: Transaction, event: AccountInsufficient) -> None:
    """C3: the order waits in the status chosen for that, where the business set it so."""
    settings = await store.settings(transaction)
    if not settings.wait_without_funds:
        return
    label = None if settings.waiting_status == BUILT_IN else settings.waiting_status
    await hear(transaction, event.order_id, lambda order, now: settling.funds_missing(order, now, label))


async def start_when_paid(transaction: Transaction, order_id: UUID) -> None:
    """C2: an order whose invoice is paid goes to work, where the business set it so."""
    settings = await store.settings(transaction)
    if settings.start_when_paid:
        await hear(transaction, order_id, settling.start_work_when_paid)


async def top_up(transaction: Transaction, event: AccountToppedUp) -> None:
    """C5, C6: money on the account releases the order it was meant for, or the last ones that wait."""
    if not await store.first_time(transaction, event.top_up_id):
        return
    if event.order_id is not None:
        if event.balance.amount >= 0:
            await hear(transaction, event.order_id, settling.release)
        return
    settings = await store.settings(transaction)
    customer, group = await store.rules_for(transaction, event.customer_id)
    mode = nearest(customer, group, settings.mode)
    if not releases(mode, online=event.online, balance=event.balance.amount):
        return
    for order in await orders.waiting_locked(transaction, event.customer_id, limit=MOST_RELEASED):
        await keep(transaction, order, settling.release(order, transaction.now))


async def change_settings(
    transaction: Transaction,
    *,
    start_when_paid: bool,
    wait_without_funds: bool,
    waiting_status: str,
    mode: Mode,
    if_version: int,
) -> Settings:
    """Raises StaleError, NotForWaitingError."""
    settings = await store.lock_settings(transaction)
    if settings.version != if_version:
        raise StaleError(version=settings.version)
    directory = await statuses.read_directory(transaction)
    entry = directory.entry(waiting_status)
    if entry is None or not entry.for_waiting:
        allowed = [item.code for item in directory.entries if item.for_waiting]
        raise NotForWaitingError(field="waiting_status", allowed=allowed)
    changed = replace(
        settings,
        start_when_paid=start_when_paid,
        wait_without_funds=wait_without_funds,
        waiting_status=waiting_status,
        mode=mode,
        version=settings.version + 1,
    )
    await store.save_settings(transaction, changed)
    return changed


async def change_rule(transaction: Transaction, kind: store.OwnerKind, owner_id: UUID, mode: Mode | None) -> None:
    """Raises NotFoundError: there is no such customer or group."""
    exists = (
        await customers.person_by_id(transaction, owner_id) is not None
        if kind == "customer"
        else await customers.discount_group_exists(transaction, owner_id)
    )
    if not exists:
        raise NotFoundError
    await store.save_rule(transaction, kind, owner_id, mode)
