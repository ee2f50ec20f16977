"""A top-up is an advance (54-FZ, X6): once an order on account is done, receipts offset what it took of the customer's
top-ups; what goes back to the balance after that is given back by receipts, too."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

#: The loop that sends them.
OFFSET = "offset_receipt"
#: A provider makes 30 receipts of a payment; the others are for what is given back. What more orders take of a top-up
#: fails with `TOO_MANY` at once: finance decides whether it is tried nevertheless, or makes that receipt elsewhere.
MOST_OFFSETS = 20
TOO_MANY = "too_many_receipts"

Kind = Literal["offset", "return"]
Status = Literal["due", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Offset:
    """A receipt to be made: an advance is offset by what an order took of it, or has a part of that back.

    Attributes:
        provider: where the top-up was paid.
        top_up_number: the provider's of the top-up's payment, at which it keeps its receipts.
        receipt: as `paying.domain.receipts.receipt` makes it.
    """

    id: UUID
    kind: Kind
    provider: str
    top_up_number: str
    receipt: dict[str, Any]
    attempts: int
    caused_by: str | None
    traceparent: str | None
