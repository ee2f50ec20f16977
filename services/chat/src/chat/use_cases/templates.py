"""Administrators keep the ready-made texts."""

from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id

from ..domain.templates import Template
from ..store import templates as store


async def add(transaction: Transaction, *, title: str, text: str) -> Template:
    template = Template(new_id(), title, text, 1)
    await store.add(transaction, template)
    return template


async def change(transaction: Transaction, template_id: UUID, *, title: str, text: str, version: int) -> Template:
    """Raises NotFoundError, StaleError."""
    changed = await store.change(transaction, template_id, title=title, text=text, version=version)
    if changed is not None:
        return changed
    if await store.one(transaction, template_id) is None:
        raise NotFoundError
    raise StaleError


async def remove(transaction: Transaction, template_id: UUID) -> None:
    await store.remove(transaction, template_id)
