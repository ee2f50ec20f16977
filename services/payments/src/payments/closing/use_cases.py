"""Prepayments are closed by a receipt when their order is done."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from foyer_chassis import log
from foyer_chassis.db import Transaction

from ..accounting import store as accounting
from ..advances import use_cases as advances
from ..paying import store as payments
from ..paying.domain import BALANCE, Payment
from ..paying.domain.receipts import PAUSES, of_part
from . import store
from .domain import Closing, ReceiptStateError

_logger = log.get(__name__)


async def what_to_send(
    transaction: Transaction, closing: Closing, *, fiscal: Collection[str]
) -> tuple[Payment, Mapping[str, Any]] | None:
    """The payment and its closing receipt: for what of it was not given back. None: all of it was; or it came off a
    balance, then the advances that this took at `fiscal` providers are offset."""
    await accounting.locked_account(transaction, await store.order_of(transaction, closing))
    payment = await payments.locked(transaction, closing.payment_id)
    if payment.provider == BALANCE:
        offset = await advances.offset(transaction, payment, fiscal=fiscal)
        await store.settle(transaction, payment.id, "offset" if offset else "void")
        return None
    kept = payment.refundable + payment.surcharge - payment.surcharge_reserved
    if payment.receipt is None or kept.amount <= 0:
        await store.settle(transaction, payment.id, "void")
        return None
    return payment, of_part(payment.receipt, kept.amount, mode="full_payment")


async def came_late(transaction: Transaction, order_id: UUID, *, fiscal: Collection[str]) -> bool:
    """Money came in for an order, whose account is locked: close it, if the order is done. Whether there is any to."""
    return await store.make_due(transaction, [order_id], fiscal=fiscal)


async def sent(transaction: Transaction, closing: Closing, receipt_id: str) -> None:
    """From now on it is a full payment: receipts of its refunds say so, too."""
    await payments.delivered(transaction, closing.payment_id)
    await store.settle(transaction, closing.payment_id, "sent", receipt_id=receipt_id)


async def missed(
    transaction: Transaction, closing: Closing, failure: str, *, definite: bool, pause: timedelta | None = None
) -> None:
    """An attempt came to nothing: again later with the same key, or failed, for a person to look at."""
    if definite or closing.attempts > len(PAUSES):
        _logger.error("closing_receipt_failed", payment_id=str(closing.payment_id), failure=failure)
        await store.settle(transaction, closing.payment_id, "failed", failure=failure)
        return
    delay = pause or PAUSES[closing.attempts - 1]
    await store.settle(transaction, closing.payment_id, "due", failure=failure, next_at=transaction.now + delay)


async def retry(transaction: Transaction, receipt_id: UUID) -> None:
    """Have a closing receipt, or one that offsets an advance, tried again from its first attempt.

    Raises ReceiptStateError: it has not failed.
    """
    if not await store.again(transaction, receipt_id):
        raise ReceiptStateError
