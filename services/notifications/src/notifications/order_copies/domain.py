"""What notifications knows of an order: enough to tell people about it in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

#: A fact as it is kept and handed to texts: JSON values.
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrderCopy:
    """An order as far as its events have arrived.

    Attributes:
        group: the status group it was in at version `sequence`; None when only other services spoke of it.
        facts: what texts show: `number`, `offering`, `places`, `total`, `pay_until`; each only once it is known.
    """

    order_id: UUID
    sequence: int
    group: str | None
    paid: bool
    facts: Facts
