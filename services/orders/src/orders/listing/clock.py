"""Forgets words that no order has any more: of people who were erased or renamed."""

from foyer_chassis import log
from foyer_chassis.clock import Loop
from foyer_chassis.db import Database
from sqlalchemy.exc import DBAPIError

from . import use_cases

AT_ONCE = 500
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCK_NOT_AVAILABLE = "55P03"

_logger = log.get(__name__)


def forgetting(database: Database, *, every_seconds: float) -> Loop:
    """Some words in each step, all of them again and again."""
    last: str | None = None

    async def step() -> bool:
        nonlocal last
        try:
            async with database.transaction() as transaction:
                last = await use_cases.forget_words(transaction, after=last or "", most=AT_ONCE)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            _logger.info("words_not_forgotten_yet", after=last)
        return False

    return Loop("search_words", step, every_seconds=every_seconds)
