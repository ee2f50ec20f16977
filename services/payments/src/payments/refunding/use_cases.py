"""Money is promised back, taken up by the provider, back with the payer; or a person has to look."""

from datetime import timedelta
from uuid import UUID

from foyer_chassis import log, telemetry
from foyer_chassis.db import Transaction, cause
from foyer_chassis.errors import NotFoundError
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OrderCancelled

from ..accounting import store as accounting
from ..accounting.domain import OrderAccount
from ..paying import store as payments
from ..paying.domain import WAKE_CHANNEL, Pace
from . import store
from .domain import REFUND, Patience, ProviderRefund, Refund, RefundStateError, Status, allot

_logger = log.get(__name__)


async def request(
    transaction: Transaction, account: OrderAccount, cancelled: OrderCancelled, *, event_id: UUID
) -> OrderAccount:
    """Promise what a cancellation gives back, under the cap of what is left; once per event.

    `account` is locked and comes back as it is then saved.
    """
    asked = cancelled.refund
    if asked.amount <= 0:
        return account
    after, granted = account.grant_refund(asked)
    if granted.amount < asked.amount:
        _logger.warning("refund_capped", order=account.order_number, asked=asked.amount, granted=granted.amount)
    if not await store.ask_once(
        transaction,
        event_id=event_id,
        order_id=account.order_id,
        reason=cancelled.reason,
        asked=asked,
        granted=granted,
    ):
        return account
    sources = {payment.id: payment for payment in await payments.locked_refundable(transaction, account.order_id)}
    shares = allot(granted, [(payment.id, payment.refundable) for payment in sources.values()])
    if sum(amount.amount for _, amount in shares) != granted.amount:
        raise RuntimeError(f"order {account.order_number}: its account and its payments disagree on what is refundable")
    if not shares:
        return account
    rows = []
    for payment_id, amount in shares:
        await payments.reserve_refund(transaction, payment_id, amount)
        id_ = new_id()
        rows.append(
            {
                "id": id_,
                "event_id": event_id,
                "payment_id": payment_id,
                "order_id": account.order_id,
                "order_number": account.order_number,
                "applicant_id": account.applicant_id,
                "provider_payment_id": sources[payment_id].provider_payment_id,
                "amount": amount.amount,
                "currency": amount.currency,
                "reason": cancelled.reason,
                "status": Status.REQUESTED,
                "provider_key": str(id_),
                "next_at": transaction.now,
                "requested_at": transaction.now,
                "caused_by": cause.get(),
                "traceparent": telemetry.current_traceparent(),
                "version": 1,
            }
        )
    await store.add(transaction, rows)
    await accounting.save_account(transaction, after)
    return after


async def learn(
    transaction: Transaction, claimed: Refund, answer: ProviderRefund, *, pace: Pace, patience: Patience
) -> None:
    """Take in what the provider said of a claimed refund; twice, in parallel or late, it has one effect."""
    account = await accounting.locked_account(transaction, claimed.order_id)
    refund = await store.locked(transaction, claimed.id)
    if account is None or refund is None or not refund.is_open or refund.provider_key != claimed.provider_key:
        return
    if answer.our_id not in (None, refund.id) or answer.amount != refund.amount:
        _logger.error("refund_mismatch", refund_id=str(refund.id), provider_refund_id=answer.id)
        await store.postpone(transaction, claimed, transaction.now + pace.longest)
        return
    if answer.status == "cancelled":
        await _miss(transaction, refund, answer.reason or "unknown", patience, definite=True)
        return
    now = transaction.now
    if refund.status is Status.REQUESTED:
        known = refund.started_at is not None
        refund = refund.start(answer.id, now, now + pace.first)
        if not known:
            _publish_started(transaction, refund)
    elif answer.status == "pending":
        await store.postpone(transaction, claimed, now + pace.after(now - (refund.started_at or now)))
        return
    if answer.status == "succeeded":
        refund = refund.succeed(now)
        account = account.pay_back(refund.amount)
        await accounting.save_account(transaction, account)
        await accounting.book(
            transaction,
            "refund",
            reference_id=refund.id,
            order_id=refund.order_id,
            provider=(await payments.locked(transaction, refund.payment_id)).provider,
            amount=refund.amount,
            at=now,
        )
        transaction.publish(
            events.RefundSucceeded(
                refund_id=refund.id,
                payment_id=refund.payment_id,
                order_id=refund.order_id,
                applicant_id=refund.applicant_id,
                amount=refund.amount,
                refunded_total=account.refunded,
                pending_total=account.pending_refund,
            ),
            subject=refund.id,
            sequence=refund.version,
        )
    await store.save(transaction, refund)


async def missed(
    transaction: Transaction, claimed: Refund, failure: str, *, patience: Patience, definite: bool
) -> None:
    """The provider refused an attempt (`definite`), or what became of it is not known."""
    await accounting.locked_account(transaction, claimed.order_id)
    refund = await store.locked(transaction, claimed.id)
    if refund is None or refund.status is not Status.REQUESTED or refund.provider_key != claimed.provider_key:
        return
    await _miss(transaction, refund, failure, patience, definite=definite)


async def renew_key(transaction: Transaction, claimed: Refund) -> Refund:
    """The provider knows nothing of it and may have forgotten the key: the next attempt goes under a new one."""
    refund = await store.locked(transaction, claimed.id)
    if refund is None or refund.status is not Status.REQUESTED or refund.provider_key != claimed.provider_key:
        raise RefundStateError
    refund = refund.with_new_key(transaction.now)
    await store.save(transaction, refund)
    return refund


async def look_later(transaction: Transaction, claimed: Refund, delay: timedelta) -> None:
    """The provider has it and could not be asked about it."""
    await store.postpone(transaction, claimed, transaction.now + delay)


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


async def hint(transaction: Transaction, *, their_id: str) -> None:
    """Somebody says that something happened to a refund: have the provider asked about it, if it is one of ours."""
    if await store.hint(transaction, their_id=their_id):
        transaction.notify(WAKE_CHANNEL, REFUND)


async def _miss(transaction: Transaction, refund: Refund, failure: str, patience: Patience, *, definite: bool) -> None:
    refund = refund.miss(failure, transaction.now, patience, definite=definite)
    await store.save(transaction, refund)
    _logger.warning(
        "refund_attempt_missed",
        refund_id=str(refund.id),
        attempts=refund.attempts,
        failure=failure,
        status=refund.status.value,
    )
    if refund.status is Status.FAILED:
        transaction.publish(
            events.RefundFailed(
                refund_id=refund.id,
                payment_id=refund.payment_id,
                order_id=refund.order_id,
                applicant_id=refund.applicant_id,
                amount=refund.amount,
                reason=failure,
                attempts=refund.attempts,
            ),
            subject=refund.id,
            sequence=refund.version,
        )


def _publish_started(transaction: Transaction, refund: Refund) -> None:
    transaction.publish(
        events.RefundStarted(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            order_id=refund.order_id,
            applicant_id=refund.applicant_id,
            amount=refund.amount,
        ),
        subject=refund.id,
        sequence=refund.version,
    )
