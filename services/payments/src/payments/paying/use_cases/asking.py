"""What the payer is asked for: what remains, the seller's surcharge on top (D4), and the receipt of it (X6)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts.money import Money

from ...invoicing.domain import Invoice, Origin
from ...invoicing.domain.lines import folded, percent_of
from ...order_copies import store as copies
from ...order_copies.domain import DONE
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
    amount = invoice.remainder
    seller = await seller_of(transaction, invoice)
    if seller is None:
        return Asked(amount, Money.zero(amount.currency), None)
    surcharge = percent_of(amount, seller.surcharge_percent)
    made = None
    if seller.receipts.enabled:
        email = choice.email or await copies.email_of(transaction, invoice.applicant_id)
        if email := email or seller.receipts.fallback_email:
            made = await _receipt(transaction, invoice, seller, email, surcharge)
    return Asked(amount, surcharge, made, seller.payment_provider)


async def seller_of(transaction: Transaction, invoice: Invoice) -> LegalEntity | None:
    """In whose name it is."""
    sellers = transaction.kept(_Sellers)
    if invoice.legal_entity_id not in sellers:
        sellers[invoice.legal_entity_id] = await price_lists.seller(transaction, invoice.legal_entity_id)
    return sellers[invoice.legal_entity_id]


async def _receipt(
    transaction: Transaction, invoice: Invoice, seller: LegalEntity, email: str, surcharge: Money
) -> dict[str, Any]:
    return receipt(
        email=email,
        tax_system=seller.receipts.tax_system,
        subject="payment" if invoice.origin is Origin.TOP_UP else seller.receipts.payment_subject,
        mode=await _mode(transaction, invoice),
        lines=folded(invoice.lines, extras_as_lines=invoice.extras_as_lines),
        vat_rate=None if seller.vat_mode is VatMode.NONE else seller.vat_rate,
        amount=invoice.remainder.amount,
        surcharge=surcharge.amount,
    )


async def _mode(transaction: Transaction, invoice: Invoice) -> Mode:
    if invoice.origin is Origin.TOP_UP or invoice.order_id is None:
        return "advance"
    order = await copies.by_id(transaction, invoice.order_id)
    if order is not None and order.status_group == DONE:
        return "full_payment"
    return "partial_prepayment" if invoice.in_parts else "full_prepayment"
