"""Staff give money back: all of it, an amount, or by position (B21); and decide about what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ...accounting import domain as ledger
from ...accounting import store as accounting
from ...accounting.domain import OrderAccount, allot
from ...invoicing import store as invoices
from ...invoicing.domain import Invoice
from ...invoicing.domain.lines import folded
from ...order_copies import store as copies
from ...order_copies.domain import IN_WORK, MEMBERSHIP, OrderCopy
from ...paying import store as payments
from ...paying.domain import OWN_WAYS, WAKE_CHANNEL
from .. import store
from ..domain import REFUND, OrderNotInWorkError, OverRefundError, Refund
from ..domain.positions import PositionChangeError, Sold, as_issued, change
from .outcomes import publish_started
from .promising import Ask, request


@dataclass(frozen=True, slots=True)
class ChangedPosition:
    """The `position`-th line (from 1) of an invoice becomes less or cheaper; None leaves that as it is."""

    invoice: int
    position: int
    quantity: int | None = None
    unit_price: Money | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What staff want to give back: exactly one of `amount` and `positions`, or neither for all that is left.

    `payment_id`: of one payment only. `note`: why; only staff see it.
    """

    note: str
    amount: Money | None = None
    positions: Sequence[ChangedPosition] = ()
    payment_id: UUID | None = None


async def give_back(
    transaction: Transaction, order: OrderCopy, wish: Wish, *, by: UUID, requested: UUID | None = None
) -> list[Refund]:
    """Give money of an order back, by the way each part came.

    `requested`: the customer's request that this answers; then the order may be in any status (B22).

    Raises:
        NotFoundError: no such payment or position.
        OverRefundError: more than what is left, also when somebody else was faster.
        PositionChangeError: see there.
        OrderNotInWorkError: card money goes back while the order is in work only.
    """
    account = await accounting.locked_account(transaction, order.order_id)
    if account is None:
        raise OverRefundError(refundable=None)
    found = await payments.locked_refundable(transaction, order.order_id)
    ask_id = requested or new_id()
    amount, only = wish.amount, None
    if wish.payment_id is not None:
        only = frozenset({wish.payment_id})
        if wish.payment_id not in {payment.id for payment in found}:
            raise NotFoundError
    elif wish.positions:
        bought = await _positions(transaction, account, wish.positions, ask_id=ask_id)
        amount = bought[0]
        only = frozenset(payment.id for payment in found if payment.invoice_id in bought[1])
    sources = [payment for payment in found if only is None or payment.id in only]
    left = sum((payment.refundable for payment in sources), start=Money.zero(account.paid.currency))
    amount = left if amount is None else amount
    if amount.currency != left.currency or not 0 < amount.amount <= min(left, account.refundable).amount:
        raise OverRefundError(refundable=left.model_dump())
    used = {id_ for id_, _ in allot(amount, [(payment.id, payment.refundable) for payment in sources])}
    by_card = any(payment.provider not in OWN_WAYS for payment in sources if payment.id in used)
    if by_card and requested is None and order.kind != MEMBERSHIP and order.status_group != IN_WORK:
        raise OrderNotInWorkError(state=order.status, group=order.status_group)
    ask = Ask(id=ask_id, amount=amount, reason="staff_decision", note=wish.note, by=by, only=only)
    await request(transaction, account, ask)
    return await store.of_ask(transaction, ask_id)


async def retry(transaction: Transaction, refund_id: UUID) -> Refund:
    """Try a failed refund again, from its first attempt.

    Raises:
        NotFoundError: there is no such refund.
        RefundStateError: it has not failed.
    """
    refund = await store.locked(transaction, refund_id)
    if refund is None:
        raise NotFoundError
    refund = refund.retry(transaction.now)
    await store.save(transaction, refund)
    transaction.notify(WAKE_CHANNEL, REFUND)
    return refund


async def settle_otherwise(transaction: Transaction, refund_id: UUID, *, method: str) -> Refund:
    """A refund that the provider refused for good goes back in cash or by transfer: it waits at the desk.

    Raises:
        NotFoundError: there is no such refund.
        RefundStateError: it has not failed.
        RefundUnclearError: the provider may have given it back.
    """
    found = await store.by_id(transaction, refund_id)
    if found is None:
        raise NotFoundError
    await accounting.locked_account(transaction, found.order_id)
    refund = await store.locked(transaction, refund_id)
    order = await copies.by_id(transaction, found.order_id)
    payment = await payments.locked(transaction, found.payment_id)
    invoice = await invoices.locked(transaction, payment.invoice_id)
    assert refund is not None
    source = (
        ledger.bank(invoice.legal_entity_id)
        if method == "transfer"
        else ledger.cash_desk(None if order is None else order.location_id)
    )
    refund = refund.bring_to_desk(source, transaction.now)
    await store.save(transaction, refund)
    publish_started(transaction, refund)
    return refund


async def _positions(
    transaction: Transaction, account: OrderAccount, wanted: Sequence[ChangedPosition], *, ask_id: UUID
) -> tuple[Money, set[UUID]]:
    """What changed positions give back, with the invoices they are of; each change is written down."""
    known: dict[int, Invoice] = {
        invoice.number: invoice for invoice in await invoices.of_order(transaction, account.order_id)
    }
    changed = await store.positions_of_order(transaction, account.order_id)
    back = 0
    rows: list[dict[str, Any]] = []
    for index, item in enumerate(wanted):
        invoice, where = known.get(item.invoice), f"positions.{index}"
        lines = [] if invoice is None else folded(invoice.lines, extras_as_lines=invoice.extras_as_lines)
        if invoice is None or not 1 <= item.position <= len(lines):
            raise NotFoundError(field=where)
        line = lines[item.position - 1]
        if item.unit_price is not None and item.unit_price.currency != account.paid.currency:
            raise PositionChangeError(field=f"{where}.unit_price")
        key = (invoice.id, item.position)
        present: Sold = changed.get(key) or as_issued(line)
        after, amount = change(line, present, quantity=item.quantity, unit_price=item.unit_price, field=where)
        changed[key] = after
        back += amount
        rows.append(
            {
                "id": new_id(),
                "ask_id": ask_id,
                "order_id": account.order_id,
                "invoice_id": invoice.id,
                "position": item.position,
                "quantity": after.quantity,
                "unit_price": after.unit_price,
                "total": after.total,
                "amount": amount,
            }
        )
    await store.add_positions(transaction, rows)
    return Money(amount=back, currency=account.paid.currency), {row["invoice_id"] for row in rows}
