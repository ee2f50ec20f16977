"""People who order: their names stand on their orders too."""

from foyer_chassis.auth import Caller
from foyer_chassis.db import Database, Transaction

from ...customers import use_cases as customers
from ...customers.use_cases import KnownPeople
from .. import store


async def note_caller(database: Database, caller: Caller, known: KnownPeople) -> None:
    """Keep what the token says of the caller, once for each process and profile."""
    if known.knows(caller):
        return
    async with database.transaction() as transaction:
        if await customers.note_person(transaction, caller):
            await rename(transaction, caller)
    known.remember(caller)


async def rename(transaction: Transaction, caller: Caller) -> None:
    await store.rename_applicant(transaction, caller.id, caller.name)
