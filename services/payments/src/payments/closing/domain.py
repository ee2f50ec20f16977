"""A prepayment's receipt is followed by a closing one when what was paid for is delivered (54-FZ, X6)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

#: Providers that make receipts.
FISCAL = frozenset({"yookassa"})
#: The loop that sends them.
CLOSE = "close_receipt"
#: Pauses before further attempts; the provider keeps our key for 24 hours.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200))


@dataclass(frozen=True, slots=True)
class Closing:
    payment_id: UUID
    attempts: int
    caused_by: str | None
    traceparent: str | None
