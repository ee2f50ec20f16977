"""Cards that a provider keeps for a customer, and those that it is to keep no longer."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

#: The loop that tells them.
DETACH = "detach"
#: Pauses before further attempts; after the last one a person has to look.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 300, 1800, 7200, 43_200, 86_400, 172_800))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A card that its holder wants kept no longer. `token` is the provider's and is never shown."""

    id: UUID
    provider: str
    token: str = field(repr=False)
    attempts: int
    caused_by: str | None
    traceparent: str | None


class CardKeeper(Protocol):
    """Errors as of `paying.domain.PaymentProvider`."""

    async def detach_card(self, card: Forgotten) -> None:
        """Keep it no longer. Asked again, it is so already; a refusal says that there is none."""
