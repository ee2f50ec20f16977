"""What the payer is asked for: what remains, the seller's surcharge on top (D4), and the receipt of it (X6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts.money import Money

from ...invoicing.domain import Invoice, Origin
from ...invoicing.domain.lines import folded, percent_of
from ...order_copies import store as copies
from ...order_copies.domain import DONE, OrderCopy
from ...price_lists import store as price_lists
from ...price_lists.domain import LegalEntity, VatMode
from ..domain import Choice
from ..domain.receipts import Mode, receipt


@dataclass(frozen=True, slots=True)
class Asked:
    """`amount` counts for the invoice; the payer pays `surcharge` on top. `provider`: where the seller wants it paid,
    None for where all are."""

    amount: Money
    surcharge: Money
    receipt: dict[str, Any] | None
    provider: str | None = None


class _Sellers(dict[UUID | None, LegalEntity | None]):
    """Those that a batch of events has read already."""


async def asked_for(transaction: Transaction, invoice: Invoice, choice: Choice) -> Asked:
    """What a payment of all that remains of the invoice asks for."""
    return (await asked_for_all(transaction, [invoice], choice))[invoice.id]


async def asked_for_all(transaction: Transaction, invoices: Sequence[Invoice], choice: Choice) -> dict[UUID, Asked]:
    """As `asked_for`, for many, by invoice."""
    sellers = {invoice.id: await seller_of(transaction, invoice) for invoice in invoices}
    fiscal = [invoice for invoice in invoices if (seller := sellers[invoice.id]) and seller.receipts.enabled]
    emails: dict[UUID, str] = {}
    orders: dict[UUID, OrderCopy] = {}
    if fiscal:
        orders = await copies.by_ids(transaction, {item.order_id for item in fiscal if item.order_id is not None})
        if choice.email is None:
            emails = await copies.emails_of(transaction, {item.applicant_id for item in fiscal})
    asked = {}
    for invoice in invoices:
        amount, seller = invoice.remainder, sellers[invoice.id]
        if seller is None:
            asked[invoice.id] = Asked(amount, Money.zero(amount.currency), None)
            continue
        surcharge = percent_of(amount, seller.surcharge_percent)
        made = None
        if seller.receipts.enabled:
            email = choice.email or emails.get(invoice.applicant_id) or seller.receipts.fallback_email
            order = None if invoice.order_id is None else orders.get(invoice.order_id)
            made = None if email is None else _receipt(invoice, order, seller, email, surcharge)
        asked[invoice.id] = Asked(amount, surcharge, made, seller.payment_provider)
    return asked


async def seller_of(transaction: Transaction, invoice: Invoice) -> LegalEntity | None:
    """In whose name it is."""
    sellers = transaction.kept(_Sellers)
    if invoice.legal_entity_id not in sellers:
        sellers[invoice.legal_entity_id] = await price_lists.seller(transaction, invoice.legal_entity_id)
    return sellers[invoice.legal_entity_id]


def _receipt(
    invoice: Invoice, order: OrderCopy | None, seller: LegalEntity, email: str, surcharge: Money
) -> dict[str, Any]:
    return receipt(
        email=email,
        tax_system=seller.receipts.tax_system,
        subject="payment" if invoice.origin is Origin.TOP_UP else seller.receipts.payment_subject,
        mode=_mode(invoice, order),
        lines=folded(invoice.lines, extras_as_lines=invoice.extras_as_lines),
        vat_rate=None if seller.vat_mode is VatMode.NONE else seller.vat_rate,
        amount=invoice.remainder.amount,
        surcharge=surcharge.amount,
    )


def _mode(invoice: Invoice, order: OrderCopy | None) -> Mode:
    if invoice.origin is Origin.TOP_UP:
        return "advance"
    if order is not None and order.status_group == DONE:
        return "full_payment"
    return "partial_prepayment" if invoice.in_parts else "full_prepayment"
