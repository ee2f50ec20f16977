"""Providers are told of cards that they are to keep no longer."""

from datetime import timedelta

from foyer_chassis import log
from foyer_chassis.db import Transaction

from . import store
from .domain import PAUSES, Forgotten

_logger = log.get(__name__)


async def missed(transaction: Transaction, card: Forgotten, failure: str, pause: timedelta | None = None) -> None:
    """The provider could not be told: again later, or, after all attempts, a person has to look."""
    if card.attempts > len(PAUSES):
        _logger.error("card_not_detached", id=str(card.id), provider=card.provider, failure=failure)
        await store.missed(transaction, card, failure, None)
        return
    await store.missed(transaction, card, failure, transaction.now + (pause or PAUSES[card.attempts - 1]))
