"""The loops that speak with the provider: create payments, ask how they stand, make refunds.

Each claims what is due (rows that no other worker has claimed), commits, asks the provider without a transaction, and
takes in the answer in a second transaction. A worker killed anywhere in between leaves a claim that runs out, and the
same question is asked again with the same idempotence key.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from foyer_chassis import log
from foyer_chassis.claims import Claim, Pump
from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction
from foyer_chassis.notices import Listener

from .advances import store as advances_store
from .advances import use_cases as advances
from .advances.domain import OFFSET, Offset
from .cards import store as cards_store
from .cards import use_cases as cards
from .cards.domain import DETACH, Forgotten
from .closing import store as closing_store
from .closing import use_cases as closing
from .closing.domain import CLOSE, Closing
from .disputes import store as disputes_store
from .disputes import use_cases as disputes
from .disputes.domain import DISPUTE, FIND, Dispute
from .paying import store as payments
from .paying import use_cases as paying
from .paying.domain import (
    CHECK,
    CREATE,
    WAKE_CHANNEL,
    Pace,
    Payment,
    ProviderPayment,
    ProviderRefusedError,
    ProviderUnclearError,
    Status,
)
from .providing import Adapter, Connected
from .refunding import store as refunds
from .refunding import use_cases as refunding
from .refunding.domain import RECHECK, REFUND, Patience, ProviderRefund, Recheck, Refund
from .refunding.domain import Status as RefundStatus
from .settings import Settings
from .settlements import clock as settling

_logger = log.get(__name__)
T = TypeVar("T")
FIRST_RETRY = timedelta(seconds=0.5)
#: How often loops look for what nobody waits for, unless they are woken.
SELDOM_SECONDS = 5.0
#: How far back the provider's own list of disputes is read.
DISPUTES_SOUGHT = timedelta(days=7)
LONGEST_RETRY = timedelta(seconds=30)


def _at(those: Mapping[str, T], name: str) -> T:
    """Raises ProviderUnclearError: there is none (any more); what is to be asked waits until there is."""
    try:
        return those[name]
    except KeyError:
        raise ProviderUnclearError("provider_missing") from None


class Clock:
    """The loops of a worker and what they share."""

    def __init__(self, database: Database, connected: Mapping[str, Connected], settings: Settings) -> None:
        """`connected`: every provider, by the name that payments have."""
        self._providers: Mapping[str, Adapter] = {name: item.adapter for name, item in connected.items()}
        #: Those of them that make receipts, tell of disputes, can forget a card.
        self._closers = {name: item.receipts for name, item in connected.items() if item.receipts is not None}
        self._arbiters = {name: item.disputes for name, item in connected.items() if item.disputes is not None}
        self._keepers = {name: item.cards for name, item in connected.items() if item.cards is not None}
        # Where there are no credentials there is no list to ask for.
        self._listing = [name for name in self._arbiters if name in settings.set_up]
        self._settings = settings
        self._database = database
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._pace = Pace(
            first=timedelta(seconds=settings.check_first_seconds),
            longest=timedelta(seconds=settings.check_longest_seconds),
        )
        self._recheck_every = timedelta(hours=settings.refund_recheck_hours)
        self._patience = Patience(tuple(timedelta(seconds=item) for item in settings.refund_retry_seconds))

        def pump(
            name: str, claim: Claim[Any], work: Callable[[Any], Awaitable[None]], *, seldom: bool = False
        ) -> Pump[Any]:
            return Pump(
                name,
                database,
                claim,
                work,
                slots=settings.provider_concurrency,
                lease=self._lease,
                every_seconds=max(settings.clock_seconds, SELDOM_SECONDS) if seldom else settings.clock_seconds,
            )

        self.create: Pump[Payment] = pump(CREATE, payments.claim_to_create, self._create)
        self.check: Pump[Payment] = pump(CHECK, payments.claim_to_check, self._check)
        self.refund: Pump[Refund] = pump(REFUND, refunds.claim, self._refund)
        self.recheck: Pump[Refund] = pump(RECHECK, refunds.claim_done, self._recheck, seldom=True)
        self.close_receipt: Pump[Closing] = pump(CLOSE, closing_store.claim, self._close_receipt)
        self.offset_receipt: Pump[Offset] = pump(OFFSET, advances_store.claim, self._offset_receipt, seldom=True)
        self.dispute: Pump[Dispute] = pump(DISPUTE, disputes_store.claim, self._dispute, seldom=True)
        self.detach: Pump[Forgotten] = pump(DETACH, cards_store.claim, self._detach, seldom=True)
        # Which pump records makes no difference: they share database and lease.
        self._record = self.create.record
        self._pumps: dict[str, Pump[Any]] = {
            item.name: item
            for item in (
                self.create,
                self.check,
                self.refund,
                self.recheck,
                self.close_receipt,
                self.offset_receipt,
                self.dispute,
                self.detach,
            )
        }
        # Hints arrive in the HTTP processes; a NOTIFY brings them here.
        listener = Listener(database.url, WAKE_CHANNEL, self.wake)

        async def listen() -> bool:
            await listener.run()
            return True

        self.settle = settling.loop(database, percents=settings.acquiring_percent, every_seconds=settings.clock_seconds)
        self.loops = [
            *(item.loop for item in self._pumps.values()),
            self.settle,
            Loop(FIND, self._find_disputes, every_seconds=settings.dispute_search_hours * 3600),
            Loop("listen", listen, every_seconds=1),
        ]

    def wake(self, name: str) -> None:
        if (pump := self._pumps.get(name)) is not None:
            pump.wake()

    async def _create(self, payment: Payment) -> None:
        if payment.might_charge_twice(self._database.now()):
            _logger.error("payment_needs_a_person", payment_id=str(payment.id), provider=payment.provider)
            await self._record(lambda transaction: paying.unclear(transaction, payment, self._pace.longest))
            return
        try:
            answer = await _at(self._providers, payment.provider).create_payment(payment)
        except ProviderRefusedError as refusal:
            reason = refusal.reason
            await self._record(lambda transaction: paying.refused(transaction, payment, reason))
        except ProviderUnclearError as unclear:
            _logger.warning("payment_outcome_unclear", payment_id=str(payment.id), reason=unclear.reason)
            delay = unclear.retry_after or min(FIRST_RETRY * 2 ** min(payment.attempts - 1, 10), LONGEST_RETRY)
            await self._record(lambda transaction: paying.unclear(transaction, payment, delay))
        else:
            await self._learn(payment, answer)

    async def _check(self, payment: Payment) -> None:
        assert payment.provider_payment_id is not None
        try:
            provider = _at(self._providers, payment.provider)
            answer = await provider.get_payment(payment.provider_payment_id)
            if answer.status == "pending" and payment.status is Status.WATCHED:
                answer = await provider.close_page(payment) or answer
            if answer.status == "reserved":
                wanted = payment.status is not Status.WATCHED
                answer = await (provider.capture_payment(payment) if wanted else provider.release_payment(payment))
        except ProviderRefusedError as refusal:
            _logger.error("payment_unknown_to_provider", payment_id=str(payment.id), reason=refusal.reason)
            await self._record(lambda transaction: paying.unclear(transaction, payment, self._pace.longest))
        except ProviderUnclearError as unclear:
            delay = unclear.retry_after or self._pace.first
            await self._record(lambda transaction: paying.unclear(transaction, payment, delay))
        else:
            await self._learn(payment, answer)

    async def _learn(self, payment: Payment, answer: ProviderPayment) -> None:
        async def learn(transaction: Transaction) -> None:
            due = await paying.learn(transaction, payment, answer, pace=self._pace, detaching=self._settings.detaching)
            paid_for = payment.order_id if answer.status == "succeeded" else None
            if paid_for is not None and await closing.came_late(transaction, paid_for, fiscal=self._settings.fiscal):
                transaction.after_commit(self.close_receipt.wake)
            if due is paying.Due.TO_CREATE:
                transaction.after_commit(self.create.wake)
            elif due is paying.Due.TO_CHECK:
                transaction.after_commit(self.check.wake)

        await self._record(learn)

    async def _refund(self, refund: Refund) -> None:
        try:
            if refund.status is RefundStatus.IN_PROGRESS and refund.provider_refund_id is not None:
                answer = await _at(self._providers, refund.provider).get_refund(refund.provider_refund_id)
            else:
                made: ProviderRefund | None = None
                if refund.may_have_been_forgotten(self._database.now()):
                    made = await _at(self._providers, refund.provider).find_refund(refund)
                    if made is None:
                        async with self._database.transaction() as transaction:
                            refund = await refunding.renew_key(transaction, refund)
                answer = made or await _at(self._providers, refund.provider).create_refund(refund)
        except ProviderRefusedError as refusal:
            await self._missed(refund, refusal.reason, definite=True)
        except ProviderUnclearError as unclear:
            await self._missed(refund, unclear.reason, definite=False)
        else:
            recheck = self._recheck_of(refund)
            await self._record(
                lambda transaction: refunding.learn(
                    transaction, refund, answer, pace=self._pace, patience=self._patience, recheck=recheck
                )
            )

    def _recheck_of(self, refund: Refund) -> Recheck:
        return Recheck(self._recheck_every, self._settings.providers[refund.provider].refunds_fail_within)

    async def _recheck(self, refund: Refund) -> None:
        assert refund.provider_refund_id is not None
        try:
            answer = await _at(self._providers, refund.provider).get_refund(refund.provider_refund_id)
        except ProviderRefusedError as refusal:
            _logger.error("refund_unknown_to_provider", refund_id=str(refund.id), reason=refusal.reason)
            await self._record(lambda transaction: refunding.recheck_later(transaction, refund, self._recheck_every))
        except ProviderUnclearError as unclear:
            delay = unclear.retry_after or self._pace.longest
            await self._record(lambda transaction: refunding.recheck_later(transaction, refund, delay))
        else:
            recheck = self._recheck_of(refund)
            await self._record(lambda transaction: refunding.learn_again(transaction, refund, answer, recheck=recheck))

    async def _missed(self, refund: Refund, reason: str, *, definite: bool) -> None:
        if refund.status is RefundStatus.IN_PROGRESS:
            await self._record(lambda transaction: refunding.look_later(transaction, refund, self._pace.longest))
        else:
            await self._record(
                lambda transaction: refunding.missed(
                    transaction, refund, reason, patience=self._patience, definite=definite
                )
            )

    async def _dispute(self, dispute: Dispute) -> None:
        try:
            answer = await _at(self._arbiters, dispute.provider).get_dispute(dispute.number)
        except ProviderRefusedError as refusal:
            _logger.error("dispute_unknown_to_provider", number=dispute.number, reason=refusal.reason)
            await self._record(lambda transaction: disputes.look_later(transaction, dispute, self._recheck_every))
        except ProviderUnclearError as unclear:
            delay = unclear.retry_after or self._pace.longest
            await self._record(lambda transaction: disputes.look_later(transaction, dispute, delay))
        else:
            await self._record(
                lambda transaction: disputes.learn(transaction, dispute, answer, every=self._recheck_every)
            )

    async def _detach(self, card: Forgotten) -> None:
        try:
            await _at(self._keepers, card.provider).detach_card(card)
        except ProviderRefusedError as refusal:
            # It knows no such card, or has forgotten it.
            _logger.info("card_unknown_to_provider", id=str(card.id), reason=refusal.reason)
        except ProviderUnclearError as unclear:
            why, pause = unclear.reason, unclear.retry_after
            await self._record(lambda transaction: cards.missed(transaction, card, why, pause))
            return
        await self._record(lambda transaction: cards_store.detached(transaction, card))

    async def _find_disputes(self) -> bool:
        """Disputes that no webhook told of."""
        for name in self._listing:
            try:
                numbers = await _at(self._arbiters, name).disputes_since(self._database.now() - DISPUTES_SOUGHT)
            except (ProviderRefusedError, ProviderUnclearError) as error:
                _logger.warning("disputes_not_listed", provider=name, reason=error.reason)
                continue
            async with self._database.transaction() as transaction:
                await disputes.found(transaction, provider=name, numbers=numbers)
        return False

    async def _close_receipt(self, due: Closing) -> None:
        async with self._database.transaction() as transaction:
            wanted = await closing.what_to_send(transaction, due, fiscal=self._settings.fiscal)
        if wanted is None:
            return
        payment, receipt = wanted
        try:
            receipt_id = await _at(self._closers, payment.provider).close_receipt(payment, receipt)
        except ProviderRefusedError as refusal:
            reason = refusal.reason
            await self._record(lambda transaction: closing.missed(transaction, due, reason, definite=True))
        except ProviderUnclearError as unclear:
            why, pause = unclear.reason, unclear.retry_after
            await self._record(lambda transaction: closing.missed(transaction, due, why, definite=False, pause=pause))
        else:
            await self._record(lambda transaction: closing.sent(transaction, due, receipt_id))

    async def _offset_receipt(self, due: Offset) -> None:
        try:
            receipt_id = await _at(self._closers, due.provider).offset_receipt(due)
        except ProviderRefusedError as refusal:
            reason = refusal.reason
            await self._record(lambda transaction: advances.missed(transaction, due, reason, definite=True))
        except ProviderUnclearError as unclear:
            why, pause = unclear.reason, unclear.retry_after
            await self._record(lambda transaction: advances.missed(transaction, due, why, definite=False, pause=pause))
        else:
            await self._record(lambda transaction: advances.sent(transaction, due, receipt_id))
