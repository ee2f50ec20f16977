"""A customer asks for money back (B22): open, then processed, or rejected once and for all (B23)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError
from foyer_contracts.money import Money


class RefundsNotOfferedError(ConflictError):
    """Money for this offering is not given back on the customer's request."""

    title_en = "No refunds on request for this offering"
    title_ru = "Для этой услуги возврат по запросу не предусмотрен"


class AskedAlreadyError(ConflictError):
    """There is a request that was not answered yet, or one that was rejected: after that one cannot ask again."""

    title_en = "A refund was requested already"
    title_ru = "Возврат уже запрашивали"


class RequestStateError(ConflictError):
    """The request was answered already."""

    title_en = "The request was answered already"
    title_ru = "На запрос уже ответили"


class Status(StrEnum):
    REQUESTED = "requested"
    PROCESSED = "processed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Request:
    """A customer's request. `reason` is the customer's, for staff; `answer` is staff's, for the customer."""

    id: UUID
    order_id: UUID
    order_number: int
    applicant_id: UUID
    amount: Money
    reason: str
    status: Status
    answer: str | None
    requested_at: datetime
    answered_at: datetime | None
    answered_by: UUID | None
    version: int

    def answered(self, status: Status, *, by: UUID, now: datetime, answer: str | None = None) -> "Request":
        """Raises RequestStateError: it was answered."""
        if self.status is not Status.REQUESTED:
            raise RequestStateError(state=self.status.value)
        return replace(self, status=status, answer=answer, answered_at=now, answered_by=by, version=self.version + 1)
