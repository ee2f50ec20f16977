"""Which units somebody gets."""

from collections.abc import Sequence

from foyer_chassis.db import Transaction

from .. import store
from ..domain import Unit, Wish


async def free_for(transaction: Transaction, wish: Wish) -> list[Unit]:
    """The units that a wish would get, the first in order; fewer than it wants: it cannot be had."""
    return await store.free_units(
        transaction,
        wish.group_id,
        wish.starts_at,
        wish.ends_at,
        unit_id=wish.unit_id,
        zone=wish.zone,
        most=wish.rooms,
    )


def labels_of(units: Sequence[Unit]) -> str:
    return ", ".join(unit.label for unit in units)
