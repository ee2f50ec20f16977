"""A business names its statuses and adds some of its own (C1)."""

from collections.abc import Collection
from dataclasses import replace

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError

from ..catalogue.domain import Text
from . import store
from .domain import MOST_STATUSES, BuiltInStatusError, StatusEntry, StatusExistsError, TooManyStatusesError


async def add_status(
    transaction: Transaction,
    *,
    code: str,
    group: str,
    kinds: Collection[str],
    stands_for: str | None,
    name: Text,
    colour: str,
    position: int,
) -> StatusEntry:
    """A status of the business's own, inside a group.

    Raises:
        ClosedGroupError, StandsForNothingError: see `Directory.stands_for`.
        StatusExistsError, TooManyStatusesError.
    """
    directory = await store.read_directory(transaction)
    if len(directory.entries) >= MOST_STATUSES:
        raise TooManyStatusesError(most=MOST_STATUSES)
    entry = StatusEntry(
        code=code,
        stands_for=directory.stands_for(group, kinds, stands_for),
        group=group,
        kinds=frozenset(kinds),
        name=name,
        colour=colour,
        position=position,
    )
    if not await store.add(transaction, entry):
        raise StatusExistsError(field="code")
    store.forget_after_commit(transaction)
    return entry


async def change_status(
    transaction: Transaction,
    code: str,
    *,
    name: Text,
    colour: str,
    position: int,
    active: bool,
    if_version: int,
) -> StatusEntry:
    """Rename, recolour, move, switch off or on. Code, group, kinds and what it stands for stay.

    Raises:
        NotFoundError, StaleError: no such status; it has another version than `if_version`.
        BuiltInStatusError: a built-in status is not switched off.
    """
    current = await store.locked(transaction, code)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    if current.built_in and not active:
        raise BuiltInStatusError(field="active")
    entry = replace(current, name=name, colour=colour, position=position, active=active, version=current.version + 1)
    await store.save(transaction, entry)
    store.forget_after_commit(transaction)
    return entry
