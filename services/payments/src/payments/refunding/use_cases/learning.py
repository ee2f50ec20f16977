"""What the provider said of a refund, or could not be asked."""

from datetime import timedelta

from foyer_chassis import log
from foyer_chassis.db import Transaction

from ...accounting import store as accounting
from ...paying.domain import WAKE_CHANNEL, Pace
from .. import store
from ..domain import RECHECK, REFUND, Patience, ProviderRefund, Recheck, Refund, RefundStateError, Status
from .outcomes import give, publish_failed, publish_started, take_back

_logger = log.get(__name__)


async def learn(
    transaction: Transaction,
    claimed: Refund,
    answer: ProviderRefund,
    *,
    pace: Pace,
    patience: Patience,
    recheck: Recheck,
) -> None:
    """Take in what the provider said of a claimed refund; twice, in parallel or late, it has one effect."""
    account = await accounting.locked_account(transaction, claimed.order_id)
    refund = await store.locked(transaction, claimed.id)
    if account is None or refund is None or not refund.is_open or refund.provider_key != claimed.provider_key:
        return
    if answer.our_id not in (None, refund.id) or answer.amount != refund.paid_out:
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
            publish_started(transaction, refund)
    elif answer.status == "pending":
        await store.postpone(transaction, claimed, now + pace.after(now - (refund.started_at or now)))
        return
    if answer.status == "succeeded":
        await give(transaction, account, refund.succeed(now, recheck), by=None)
        return
    await store.save(transaction, refund)


async def learn_again(transaction: Transaction, claimed: Refund, answer: ProviderRefund, *, recheck: Recheck) -> None:
    """Take in how a refund that is done stands now: still so, or its money came back. Then it is owed again: the
    ledger takes it back, the order's money is as before, and finance decides (journey 5). Twice, in parallel or late,
    it has one effect."""
    account = await accounting.locked_account(transaction, claimed.order_id)
    refund = await store.locked(transaction, claimed.id)
    if account is None or refund is None or refund.provider_key != claimed.provider_key:
        return
    if refund.status is not Status.SUCCEEDED:
        return
    if answer.status != "cancelled":
        until = recheck.after(refund.finished_at or transaction.now, transaction.now)
        await store.recheck_later(transaction, claimed, until)
        return
    refund = refund.bounce(answer.reason or "unknown", transaction.now)
    await take_back(transaction, account, refund)
    _logger.warning("refund_bounced", refund_id=str(refund.id), failure=refund.failure, bounces=refund.bounces)


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


async def recheck_later(transaction: Transaction, claimed: Refund, delay: timedelta) -> None:
    """The provider could not be asked how a refund that is done stands now."""
    await store.recheck_later(transaction, claimed, transaction.now + delay)


async def hint(transaction: Transaction, *, their_id: str, may_bounce: bool = False) -> None:
    """Somebody says that something happened to a refund: have the provider asked about it, if it is one of ours; also
    about one that is done, where that is not for ever (`may_bounce`)."""
    if await store.hint(transaction, their_id=their_id):
        transaction.notify(WAKE_CHANNEL, REFUND)
    elif may_bounce and await store.hint_done(transaction, their_id=their_id):
        transaction.notify(WAKE_CHANNEL, RECHECK)


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
        publish_failed(transaction, refund, after_success=False)
