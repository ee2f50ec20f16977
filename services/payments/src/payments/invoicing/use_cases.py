"""An invoice is issued for a priced order, is paid, or need not be paid any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ..accounting import store as accounting
from ..accounting.domain import OrderAccount
from ..order_copies.domain import OrderCopy
from ..price_lists import store as price_lists
from ..price_lists.domain import LegalEntity, LegalEntityMissingError, PositionMissingError, VatMode
from . import store
from .domain import (
    CurrencyError,
    Invoice,
    NothingToPayError,
    OrderClosedError,
    Origin,
    Status,
    UnpaidInvoiceError,
)
from .domain.lines import line, total_of

#: Terms whose orders get an invoice by themselves.
#: Of these the events of the account tell.
UNTOLD = frozenset({Origin.ACCOUNT, Origin.TOP_UP})
CLOSED_GROUPS = frozenset({"cancelled", "removed"})
INVOICED_TERMS = frozenset({"prepaid", "part_payment"})


async def issue_for(transaction: Transaction, order: OrderCopy, *, cause_event_id: UUID) -> Invoice | None:
    """Issue the invoice of a priced order and tell of it, see `issue_all`."""
    invoice = (await issue_all(transaction, {order.order_id: (order, cause_event_id)})).get(order.order_id)
    if invoice is not None:
        tell(transaction, invoice)
    return invoice


async def issue_all(transaction: Transaction, priced: Mapping[UUID, tuple[OrderCopy, UUID]]) -> dict[UUID, Invoice]:
    """Issue the invoices of priced orders that are paid with the order or in parts (B16, A20); then `tell` of each.
    `priced`: by order, with the event that caused it.

    Returns them by order. Missing are those for which there is nothing to issue: other terms, an order that costs
    nothing or has been cancelled (that news may come first), or one that has its invoice already.
    """
    payable = {
        order.order_id: (order, cause_event_id, order.total)
        for order, cause_event_id in priced.values()
        if order.terms in INVOICED_TERMS and order.total is not None and order.total.amount > 0
    }
    if not payable:
        return {}
    opened = await accounting.open_accounts(
        transaction,
        [
            {
                "order_id": order.order_id,
                "order_number": order.number,
                "applicant_id": order.applicant_id,
                "currency": total.currency,
            }
            for order, _, total in payable.values()
        ],
    )
    wanted = {id_ for id_, account in opened.items() if account.cancelled_reason is None}
    wanted -= await store.with_prepaid(transaction, wanted)
    rows = [
        _row(
            transaction,
            of=order,
            origin=Origin.PRICED,
            total=total,
            lines=order.lines,
            cause_event_id=cause_event_id,
            in_parts=order.terms == "part_payment",
            pay_until=order.pay_until,
        )
        for id_, (order, cause_event_id, total) in payable.items()
        if id_ in wanted
    ]
    issued = await store.add_many(transaction, rows) if rows else []
    return {invoice.order_id: invoice for invoice in issued if invoice.order_id is not None}


async def issue_difference(
    transaction: Transaction, order: OrderCopy, account: OrderAccount, *, cause_event_id: UUID
) -> Invoice | None:
    """An order that was paid became dearer: an invoice for what is missing. `account` is locked.

    None: nothing is missing, or its first invoice never was paid.
    """
    if order.terms not in INVOICED_TERMS or order.total is None or order.total.currency != account.paid.currency:
        return None
    missing = order.total - account.refundable
    if missing.amount <= 0 or not await store.has_paid_by_itself(transaction, order.order_id):
        return None
    title = f"Доплата по заказу {order.number}"
    price = missing.model_dump(mode="json")
    return await add(
        transaction,
        of=order,
        origin=Origin.CHANGED,
        total=missing,
        lines=[{"title": title, "quantity": 1, "unit_price": price, "total": price, "extra": False}],
        cause_event_id=cause_event_id,
        description=title,
    )


async def add(
    transaction: Transaction,
    *,
    of: OrderCopy,
    origin: Origin,
    total: Money,
    lines: Sequence[dict[str, Any]],
    cause_event_id: UUID,
    in_parts: bool = False,
    pay_until: datetime | None = None,
    description: str | None = None,
    paid: Money | None = None,
    draft: bool = False,
) -> Invoice:
    """Write an invoice of the order and tell of it; `paid` is what came in for one that it replaces."""
    row = _row(
        transaction,
        of=of,
        origin=origin,
        total=total,
        lines=lines,
        cause_event_id=cause_event_id,
        in_parts=in_parts,
        pay_until=pay_until,
        description=description,
        paid=paid,
        draft=draft,
    )
    invoice = await store.add(transaction, row)
    if origin not in UNTOLD:
        tell(transaction, invoice)
    return invoice


def _row(
    transaction: Transaction,
    *,
    of: OrderCopy,
    origin: Origin,
    total: Money,
    lines: Sequence[dict[str, Any]],
    cause_event_id: UUID,
    in_parts: bool = False,
    pay_until: datetime | None = None,
    description: str | None = None,
    paid: Money | None = None,
    draft: bool = False,
) -> dict[str, Any]:
    covered = paid is not None and total <= paid
    return {
        "id": new_id(),
        "order_id": of.order_id,
        "order_number": of.number,
        "applicant_id": of.applicant_id,
        "prepaid": origin is Origin.PRICED,
        "origin": origin,
        "cause_event_id": cause_event_id,
        "description": description or of.description or f"Заказ {of.number}",
        "lines": list(lines),
        "extras_as_lines": of.extras_as_lines,
        "legal_entity_id": of.legal_entity_id,
        "in_parts": in_parts,
        "total": total.amount,
        "paid": 0 if paid is None else paid.amount,
        "currency": total.currency,
        "status": Status.PAID if covered else Status.DRAFT if draft else Status.ISSUED,
        "pay_until": pay_until,
        "issued_at": transaction.now,
        "activated_at": None if draft else transaction.now,
        "settled_at": transaction.now if covered else None,
        "version": 1,
    }


def tell(transaction: Transaction, invoice: Invoice) -> None:
    """Tell of an order's invoice that has just been written."""
    assert invoice.order_id is not None
    transaction.publish(
        events.InvoiceIssued(
            invoice_id=invoice.id,
            number=invoice.number,
            order_id=invoice.order_id,
            applicant_id=invoice.applicant_id,
            total=invoice.total,
            pay_until=invoice.pay_until,
            activated=invoice.status is not Status.DRAFT,
        ),
        subject=invoice.id,
        sequence=invoice.version,
    )
    if invoice.status is Status.PAID:
        publish_paid(transaction, invoice)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A position of the price list on an invoice. `discount_percent` 0–100 is taken off first, then `discount`."""

    position_id: UUID
    quantity: int
    discount_percent: Decimal = Decimal(0)
    discount: Money | None = None


async def prepare(
    transaction: Transaction, order: OrderCopy, wanted: Sequence[Wanted], *, description: str | None = None
) -> Invoice:
    """Staff prepare an invoice of the order from the price list of the legal entity that sells it (B16).

    Raises:
        LegalEntityMissingError, PositionMissingError, DiscountTooLargeError, AmountTooLargeError
        NothingToPayError: it comes to nothing.
        OrderClosedError: the order is cancelled.
        UnpaidInvoiceError: an earlier invoice of the order is unpaid (B18).
        CurrencyError: the order's money is in another currency.
    """
    seller = await price_lists.seller(transaction, order.legal_entity_id)
    if seller is None:
        raise LegalEntityMissingError
    account = await accounting.open_account(
        transaction,
        order_id=order.order_id,
        order_number=order.number,
        applicant_id=order.applicant_id,
        currency=seller.currency,
    )
    if account.cancelled_reason is not None or order.status_group in CLOSED_GROUPS:
        raise OrderClosedError(state=order.status)
    unpaid = await store.locked_unpaid_of(transaction, order.order_id)
    if unpaid is not None:
        raise UnpaidInvoiceError(invoice=unpaid.number, state=unpaid.status.value)
    known = await price_lists.positions_by_id(transaction, [item.position_id for item in wanted])
    items = []
    for index, item in enumerate(wanted):
        position = known.get(item.position_id)
        if position is None or not position.active or position.legal_entity_id != seller.id:
            raise PositionMissingError(field=f"positions.{index}.position_id", legal_entity_id=str(seller.id))
        if (item.discount or position.unit_price).currency != position.unit_price.currency:
            raise CurrencyError(field=f"positions.{index}.discount", allowed=position.unit_price.currency)
        items.append(
            line(
                title=position.title,
                unit=position.unit,
                quantity=item.quantity,
                unit_price=position.unit_price,
                discount_percent=item.discount_percent,
                discount=item.discount,
                vat_rate=_vat_rate(seller, position.vat_rate),
                vat_on_top=seller.vat_mode is VatMode.ON_TOP,
            )
        )
    if {item.total.currency for item in items} != {account.paid.currency}:
        raise CurrencyError(allowed=account.paid.currency)
    total = total_of(items, account.paid.currency)
    if total.amount <= 0:
        raise NothingToPayError
    return await add(
        transaction,
        of=replace(order, legal_entity_id=seller.id),
        origin=Origin.STAFF,
        total=total,
        lines=[item.as_json() for item in items],
        cause_event_id=new_id(),
        description=description,
        draft=True,
    )


def _vat_rate(seller: LegalEntity, own: int | None) -> int | None:
    return None if seller.vat_mode is VatMode.NONE else seller.vat_rate if own is None else own


async def activate(transaction: Transaction, order: OrderCopy, invoice_id: UUID) -> Invoice:
    """Show a prepared invoice to the customer, who can pay it from now on (B17). Raises InvoiceStateError."""
    await accounting.locked_account(transaction, order.order_id)
    invoice = (await store.locked(transaction, invoice_id)).activate(transaction.now)
    await store.save(transaction, invoice)
    transaction.publish(
        events.InvoiceActivated(
            invoice_id=invoice.id,
            number=invoice.number,
            order_id=order.order_id,
            applicant_id=invoice.applicant_id,
            total=invoice.total,
        ),
        subject=invoice.id,
        sequence=invoice.version,
    )
    return invoice


async def receive(transaction: Transaction, invoice: Invoice, amount: Money) -> Invoice:
    """Money came in for a locked invoice, in whatever state it is; `tell_if_paid` follows once it is told of."""
    after = invoice.receive(amount, transaction.now)
    await store.save(transaction, after)
    return after


def tell_if_paid(transaction: Transaction, before: Invoice, after: Invoice) -> None:
    """Tell that an invoice became paid, after its payment: who takes an order for paid must know how much was."""
    if after.status is Status.PAID and before.status is not Status.PAID:
        publish_paid(transaction, after)


async def relabel(transaction: Transaction, invoice: Invoice, order: OrderCopy) -> Invoice:
    """The order's lines or its flag changed and its total did not: the unpaid invoice shows them as they are now."""
    if (invoice.lines, invoice.extras_as_lines) == (order.lines, order.extras_as_lines):
        return invoice
    after = replace(invoice, lines=order.lines, extras_as_lines=order.extras_as_lines, version=invoice.version + 1)
    await store.save(transaction, after)
    return after


async def cancel(transaction: Transaction, invoice: Invoice, reason: str) -> Invoice:
    """Cancel a locked invoice. Raises InvoiceStateError."""
    after = cancelled(transaction, invoice, reason)
    await store.save(transaction, after)
    return after


def cancelled(transaction: Transaction, invoice: Invoice, reason: str) -> Invoice:
    """A locked invoice as it is to be saved once cancelled; tells of it. Raises InvoiceStateError."""
    after = invoice.cancel(reason, transaction.now)
    if after.order_id is not None and after.origin not in UNTOLD:
        transaction.publish(
            events.InvoiceCancelled(
                invoice_id=after.id,
                number=after.number,
                order_id=after.order_id,
                applicant_id=after.applicant_id,
                reason=reason,
            ),
            subject=after.id,
            sequence=after.version,
        )
    return after


def publish_paid(transaction: Transaction, invoice: Invoice) -> None:
    """Tell that everything on an order's invoice is paid; of the rest the account's events tell."""
    if invoice.order_id is None or invoice.origin in UNTOLD:
        return
    transaction.publish(
        events.InvoicePaid(
            invoice_id=invoice.id,
            number=invoice.number,
            order_id=invoice.order_id,
            applicant_id=invoice.applicant_id,
            total=invoice.total,
        ),
        subject=invoice.id,
        sequence=invoice.version,
    )
