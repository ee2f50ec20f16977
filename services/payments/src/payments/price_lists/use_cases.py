"""Legal entities and their price lists are made and changed."""

from dataclasses import replace
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id

from . import store
from .domain import LegalEntity, Position


async def add_entity(transaction: Transaction, wanted: LegalEntity) -> LegalEntity:
    entity = replace(wanted, id=new_id(), version=1)
    await store.add(transaction, entity)
    return entity


async def change_entity(transaction: Transaction, wanted: LegalEntity, *, version: int) -> LegalEntity:
    """Raises NotFoundError, or StaleError: somebody changed it since that version was read."""
    known = await store.locked(transaction, wanted.id)
    if known is None:
        raise NotFoundError
    if known.version != version:
        raise StaleError(version=known.version)
    entity = replace(wanted, version=version + 1)
    await store.save(transaction, entity)
    return entity


async def add_position(transaction: Transaction, wanted: Position) -> Position:
    """Raises NotFoundError: there is no such legal entity."""
    if await store.by_id(transaction, wanted.legal_entity_id) is None:
        raise NotFoundError
    position = replace(wanted, id=new_id(), version=1)
    await store.add_position(transaction, position)
    return position


async def change_position(transaction: Transaction, position_id: UUID, wanted: Position, *, version: int) -> Position:
    """Invoices that were issued keep what they say. Raises NotFoundError or StaleError."""
    known = await store.locked_position(transaction, position_id)
    if known is None:
        raise NotFoundError
    if known.version != version:
        raise StaleError(version=known.version)
    position = replace(wanted, id=position_id, legal_entity_id=known.legal_entity_id, version=version + 1)
    await store.save_position(transaction, position)
    return position
