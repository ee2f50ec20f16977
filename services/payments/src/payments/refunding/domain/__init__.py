"""Money on its way back: requested, taken up by the provider, back with the payer; or failed, for a person to see."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

from ...paying.domain import KEY_TRUSTED_FOR

#: The loops that make refunds, and that look again at those that are done, for `paying.domain.WAKE_CHANNEL`.
REFUND = "refund"
RECHECK = "recheck"


class RefundStateError(ConflictError):
    """The refund is in a state that does not allow this."""

    title_en = "The refund's state does not allow this"
    title_ru = "Состояние возврата этого не позволяет"


class OverRefundError(InvalidError):
    """More cannot go back than what is left of what was paid, less what is on its way already."""

    title_en = "More than can be refunded"
    title_ru = "Больше, чем можно вернуть"


class OrderNotInWorkError(ConflictError):
    """Money that was paid by card goes back while the order is in work."""

    title_en = "The order is not in work"
    title_ru = "Заказ не в работе"


class RefundUnclearError(ConflictError):
    """What became of the last attempt is not known: the provider may have given the money back. Retry first; the
    provider's answer tells."""

    title_en = "The refund's outcome is not known"
    title_ru = "Чем закончился возврат, неизвестно"


class Status(StrEnum):
    REQUESTED = "requested"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    AT_DESK = "at_desk"


class Verb(StrEnum):
    """`start` and `succeed` are the provider's word; `put_back` returns a refused attempt to be made again, `fail`
    ends the attempts, `bounce` is the payer's bank sending the money back days after it was done, `retry` a person's
    decision to begin anew, `bring_to_desk` that it goes another way than by the provider. `hand_out` is staff giving
    back cash or having made a transfer."""

    START = "start"
    SUCCEED = "succeed"
    PUT_BACK = "put_back"
    FAIL = "fail"
    BOUNCE = "bounce"
    RETRY = "retry"
    BRING_TO_DESK = "bring_to_desk"
    HAND_OUT = "hand_out"


TRANSITIONS: dict[tuple[Status, Verb], Status] = {
    (Status.REQUESTED, Verb.START): Status.IN_PROGRESS,
    (Status.REQUESTED, Verb.PUT_BACK): Status.REQUESTED,
    (Status.REQUESTED, Verb.FAIL): Status.FAILED,
    (Status.IN_PROGRESS, Verb.SUCCEED): Status.SUCCEEDED,
    (Status.IN_PROGRESS, Verb.PUT_BACK): Status.REQUESTED,
    (Status.IN_PROGRESS, Verb.FAIL): Status.FAILED,
    (Status.SUCCEEDED, Verb.BOUNCE): Status.FAILED,
    (Status.FAILED, Verb.RETRY): Status.REQUESTED,
    (Status.FAILED, Verb.BRING_TO_DESK): Status.AT_DESK,
    (Status.AT_DESK, Verb.HAND_OUT): Status.SUCCEEDED,
}
#: Verbs of people that help with a failed refund, as the last part of their routes.
Help = Literal["retry", "settle-otherwise"]
OPEN = frozenset({Status.REQUESTED, Status.IN_PROGRESS})


def move(status: Status, verb: Verb) -> Status:
    """Raises RefundStateError: there is no such arrow."""
    try:
        return TRANSITIONS[status, verb]
    except KeyError:
        raise RefundStateError(state=status.value, verb=verb.value) from None


@dataclass(frozen=True, slots=True)
class Refund:
    """One payment's share of what an order gets back, by the way it came.

    Attributes:
        provider: the payment's; `desk` and `balance` for money that no payment provider took.
        provider_payment_id: None where no payment provider took the money.
        amount: what it gives back of what came in for the order; the payer gets `paid_out`.
        surcharge: what goes back with it of the commission that the payer paid on top.
        source: account of the ledger that the money leaves.
        receipt: what the provider is told for the receipt (X6).
        note: why, for staff only (B21).
        provider_key: idempotence key of the present attempt; the same one until the provider has definitely refused.
        key_used_at: when the provider was first asked with it.
        attempts: that were refused or whose outcome is not known, since it was requested or a person retried it.
        failure: the last thing that went wrong, in the provider's own word.
        next_at: when to ask the provider about it; None when that is over.
        recheck_at: when to ask whether one that is done still is; None: not any more.
        bounces: how often it was done and the money came back.
    """

    id: UUID
    payment_id: UUID
    order_id: UUID
    order_number: int
    applicant_id: UUID
    provider: str
    provider_payment_id: str | None
    amount: Money
    surcharge: Money
    source: str
    receipt: dict[str, Any] | None
    reason: str
    note: str | None
    status: Status
    provider_refund_id: str | None
    provider_key: str
    key_used_at: datetime | None
    attempts: int
    failure: str | None
    next_at: datetime | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    caused_by: str | None
    traceparent: str | None
    version: int
    recheck_at: datetime | None = None
    bounces: int = 0

    @property
    def paid_out(self) -> Money:
        """What the payer gets."""
        return self.amount + self.surcharge

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def may_have_been_forgotten(self, now: datetime) -> bool:
        """Whether a repeat with the same key might be taken for a new refund."""
        return self.key_used_at is not None and now - self.key_used_at > KEY_TRUSTED_FOR

    def start(self, provider_refund_id: str, now: datetime, next_at: datetime) -> "Refund":
        """The provider took it up. Raises RefundStateError."""
        return replace(
            self,
            status=move(self.status, Verb.START),
            provider_refund_id=provider_refund_id,
            started_at=self.started_at or now,
            next_at=next_at,
            version=self.version + 1,
        )

    def succeed(self, now: datetime, recheck: "Recheck") -> "Refund":
        """The money is back. Raises RefundStateError."""
        return replace(
            self,
            status=move(self.status, Verb.SUCCEED),
            failure=None,
            next_at=None,
            recheck_at=recheck.after(now, now),
            finished_at=now,
            version=self.version + 1,
        )

    def hand_out(self, now: datetime) -> "Refund":
        """Staff gave the money back. Raises RefundStateError: it is not theirs to give, or was given."""
        return replace(self, status=move(self.status, Verb.HAND_OUT), finished_at=now, version=self.version + 1)

    def miss(self, failure: str, now: datetime, patience: "Patience", *, definite: bool) -> "Refund":
        """An attempt came to nothing, or nobody knows what it came to (not `definite`): again later, or failed.

        Raises RefundStateError: it is over already.
        """
        attempts = self.attempts + 1
        delay = patience.after(attempts)
        refund = replace(
            self,
            status=move(self.status, Verb.FAIL if delay is None else Verb.PUT_BACK),
            attempts=attempts,
            failure=failure,
            next_at=None if delay is None else now + delay,
            finished_at=now if delay is None else None,
            version=self.version + 1,
        )
        return refund.with_new_key(None) if definite else refund

    def bounce(self, failure: str, now: datetime) -> "Refund":
        """The provider had called it done and has the money again; that attempt will take no effect any more.

        Raises RefundStateError: it is not done, or not by a provider.
        """
        if self.provider_refund_id is None:
            raise RefundStateError(state=self.status.value, verb=Verb.BOUNCE.value)
        return replace(
            self,
            status=move(self.status, Verb.BOUNCE),
            attempts=self.attempts + 1,
            failure=failure,
            recheck_at=None,
            bounces=self.bounces + 1,
            finished_at=now,
        ).with_new_key(None)

    def retry(self, now: datetime) -> "Refund":
        """A person wants it tried again. Raises RefundStateError: it has not failed."""
        return replace(
            self,
            status=move(self.status, Verb.RETRY),
            attempts=0,
            next_at=now,
            started_at=None,
            finished_at=None,
            version=self.version + 1,
        )

    @property
    def is_refused(self) -> bool:
        """Whether it failed and it is certain that no attempt has taken, or will take, effect."""
        return self.status is Status.FAILED and self.key_used_at is None and self.provider_refund_id is None

    @property
    def helps(self) -> tuple[Help, ...]:
        """What a person can do about it now that it has failed; nothing about any other."""
        if self.status is not Status.FAILED:
            return ()
        return ("retry", "settle-otherwise") if self.is_refused else ("retry",)

    def bring_to_desk(self, source: str, now: datetime) -> "Refund":
        """Staff will give it back themselves, out of that account of the ledger, and not the provider.

        Raises:
            RefundStateError: it has not failed.
            RefundUnclearError: the provider may have given it back.
        """
        status = move(self.status, Verb.BRING_TO_DESK)
        if not self.is_refused:
            raise RefundUnclearError(failure=self.failure)
        return replace(
            self,
            status=status,
            provider="desk",
            provider_payment_id=None,
            source=source,
            started_at=now,
            finished_at=None,
            version=self.version + 1,
        )

    def with_new_key(self, used_at: datetime | None) -> "Refund":
        """For another attempt, when it is certain that none under the old key will take effect."""
        version = self.version + 1
        return replace(
            self, provider_refund_id=None, key_used_at=used_at, provider_key=f"{self.id}-{version}", version=version
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """Pauses before the second attempt, the third, …; after the last attempt the refund has failed."""

    delays: tuple[timedelta, ...]

    def after(self, attempts: int) -> timedelta | None:
        """The pause after that many attempts; None: no more."""
        return self.delays[attempts - 1] if attempts <= len(self.delays) else None


@dataclass(frozen=True, slots=True)
class Recheck:
    """How often refunds that are done are asked about again, and for how long after: the payer's bank may still send
    the money back. `within` of nothing: never."""

    every: timedelta
    within: timedelta

    def after(self, done_at: datetime, now: datetime) -> datetime | None:
        """When to look next at one that was done at `done_at`; the last time is when its time is over."""
        until = done_at + self.within
        return min(now + self.every, until) if now < until else None


# What the provider must do


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund as the provider knows it; `reason` is why it was cancelled, in its own word."""

    id: str
    our_id: UUID | None
    status: Literal["pending", "succeeded", "cancelled"]
    amount: Money
    reason: str | None = None


class RefundProvider(Protocol):
    """Errors as of `paying.domain.PaymentProvider`."""

    async def create_refund(self, refund: Refund) -> ProviderRefund:
        """Give the money back. Asked again with the same key, answers the same refund."""

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        """How it stands now."""

    async def find_refund(self, refund: Refund) -> ProviderRefund | None:
        """A refund made for this one earlier that is not cancelled, if there is any."""
