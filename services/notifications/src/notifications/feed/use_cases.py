"""A person reads their feed."""

from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError

from . import store
from .domain import addressees_of


async def mark_read(transaction: Transaction, caller: Caller, *, through: UUID) -> int:
    """Everything up to this entry is read. How many are left unread.

    Raises:
        NotFoundError: there is no such entry in the caller's feed.
    """
    addressees = addressees_of(caller.id, caller.roles)
    if not await store.exists(transaction, addressees, through):
        raise NotFoundError
    await store.mark_read(transaction, caller.id, through=through)
    return await store.unread(transaction, addressees, through=await store.read_through(transaction, caller.id))
