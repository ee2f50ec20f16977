"""A prepayment's receipt is followed by a closing one when what was paid for is delivered (54-FZ, X6)."""

from dataclasses import dataclass
from uuid import UUID

from foyer_chassis.errors import ConflictError

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
