"""A prepayment's receipt is followed by a closing one when what was paid for is delivered (54-FZ, X6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from foyer_chassis.errors import ConflictError

from ..advances.domain import Offset
from ..paying.domain import Payment

#: The loop that sends them.
CLOSE = "close_receipt"


class ReceiptStateError(ConflictError):
    """Only a receipt that failed is tried again."""

    title_en = "The receipt has not failed"
    title_ru = "С чеком всё в порядке"


@dataclass(frozen=True, slots=True)
class Closing:
    payment_id: UUID
    attempts: int
    caused_by: str | None
    traceparent: str | None


class ReceiptProvider(Protocol):
    """Who makes receipts apart from payments. Errors as of `paying.domain.PaymentProvider`."""

    async def close_receipt(self, payment: Payment, receipt: Mapping[str, Any]) -> str:
        """Make the receipt that follows a prepayment; its id. Asked again, answers the same."""

    async def offset_receipt(self, offset: Offset) -> str:
        """Make a receipt that offsets an advance, or gives that back; its id. Asked again, answers the same."""
