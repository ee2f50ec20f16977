"""Advances are offset when an order on account is done, and offsets given back with its refunds."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from foyer_chassis import log, telemetry
from foyer_chassis.db import Transaction, cause
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ..accounting.domain import allot
from ..balances import store as balances
from ..invoicing import store as invoices
from ..invoicing.domain.lines import folded
from ..order_copies import store as copies
from ..paying.domain import WAKE_CHANNEL, Payment
from ..paying.domain.receipts import PAUSES, of_part, receipt
from ..paying.use_cases import seller_of
from ..price_lists.domain import LegalEntity, VatMode
from . import store
from .domain import OFFSET, TOO_MANY, Offset

_logger = log.get(__name__)


async def offset(transaction: Transaction, payment: Payment, *, fiscal: Collection[str]) -> bool:
    """What an order that is done was charged, less what goes back, is taken off the customer's oldest advances: a
    receipt for each (at most the balance's online top-ups; what staff booked has no receipt of ours). Of a top-up that
    has too many already it is one that failed. Whether there is any. Lock the order's account and the payment first."""
    invoice = await invoices.locked(transaction, payment.invoice_id)
    seller = await seller_of(transaction, invoice)
    kept = payment.refundable
    if seller is None or not seller.receipts.enabled or kept.amount <= 0:
        return False
    email = await _email(transaction, payment.applicant_id, seller)
    if email is None:
        return False
    await balances.locked(transaction, payment.applicant_id, kept.currency)
    found = await store.advances(transaction, payment.applicant_id, kept.currency, seller=seller.id, fiscal=fiscal)
    shares = allot(kept, [(id_, Money(amount=free, currency=kept.currency)) for id_, free, _ in found])
    full = {id_ for id_, _, is_full in found if is_full}
    whole = receipt(
        email=email,
        tax_system=seller.receipts.tax_system,
        subject=seller.receipts.payment_subject,
        mode="full_payment",
        lines=folded(invoice.lines, extras_as_lines=invoice.extras_as_lines),
        vat_rate=None if seller.vat_mode is VatMode.NONE else seller.vat_rate,
        amount=kept.amount,
        surcharge=0,
    )
    rows = [
        _row(transaction, "offset", payment.id, id_, share, of_part(whole, share.amount), too_many=id_ in full)
        for id_, share in shares
    ]
    for row in rows:
        if row["status"] == "failed":
            _logger.error("offset_receipt_failed", offset_id=str(row["id"]), failure=TOO_MANY)
    if rows:
        await store.add(transaction, rows)
        transaction.notify(WAKE_CHANNEL, OFFSET)
    return bool(rows)


async def give_back(transaction: Transaction, payment: Payment, refund_id: UUID) -> None:
    """A part of what an order was charged is on the balance again: receipts say no more than what was kept. Of an order
    that is not done yet none was made, and there is nothing to give back."""
    offsets = await store.of_payment(transaction, payment.id)
    too_much = sum(amount for _, amount in offsets) - payment.refundable.amount
    if too_much <= 0:
        return
    invoice = await invoices.locked(transaction, payment.invoice_id)
    seller = await seller_of(transaction, invoice)
    email = None if seller is None else await _email(transaction, payment.applicant_id, seller)
    if email is None:
        _logger.error("receipt_without_address", refund_id=str(refund_id))
        return
    made = await store.receipts_of(transaction, payment.id)
    currency = payment.amount.currency
    shares = allot(
        Money(amount=too_much, currency=currency),
        [(id_, Money(amount=amount, currency=currency)) for id_, amount in offsets],
    )
    await store.add(
        transaction,
        [
            _row(
                transaction,
                "return",
                payment.id,
                id_,
                share,
                {**of_part(made[id_], share.amount), "email": email},
                refund_id=refund_id,
            )
            for id_, share in shares
        ],
    )
    transaction.notify(WAKE_CHANNEL, OFFSET)


async def sent(transaction: Transaction, offset: Offset, number: str) -> None:
    await store.settle(transaction, offset.id, "sent", number=number)


async def missed(
    transaction: Transaction, offset: Offset, failure: str, *, definite: bool, pause: timedelta | None = None
) -> None:
    """An attempt came to nothing: again later with the same key, or failed, for finance to look at."""
    if definite or offset.attempts > len(PAUSES):
        _logger.error("offset_receipt_failed", offset_id=str(offset.id), failure=failure)
        await store.settle(transaction, offset.id, "failed", failure=failure)
        return
    delay = pause or PAUSES[offset.attempts - 1]
    await store.settle(transaction, offset.id, "due", failure=failure, next_at=transaction.now + delay)


async def _email(transaction: Transaction, customer_id: UUID, seller: LegalEntity) -> str | None:
    return (await copies.emails_of(transaction, [customer_id])).get(customer_id) or seller.receipts.fallback_email


def _row(
    transaction: Transaction,
    kind: str,
    payment_id: UUID,
    top_up_id: UUID,
    share: Money,
    made: dict[str, Any],
    *,
    refund_id: UUID | None = None,
    too_many: bool = False,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": kind,
        "payment_id": payment_id,
        "top_up_id": top_up_id,
        "refund_id": refund_id,
        "amount": share.amount,
        "receipt": made,
        "status": "failed" if too_many else "due",
        "failure": TOO_MANY if too_many else None,
        "next_at": None if too_many else transaction.now,
        "caused_by": cause.get(),
        "traceparent": telemetry.current_traceparent(),
    }
