from dataclasses import asdict
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .domain import Look
from .tables import seller_looks

_OF = sa.select(seller_looks).where(seller_looks.c.legal_entity_id == sa.bindparam("seller"))
_new = insert(seller_looks)
_SAVE = _new.on_conflict_do_update(
    index_elements=[seller_looks.c.legal_entity_id],
    set_={"look": _new.excluded.look, "version": _new.excluded.version},
)


async def of_seller(transaction: Transaction, seller_id: UUID) -> tuple[Look, int]:
    """How the seller's page looks, and the version of that: 0 as long as nobody has changed it."""
    row = await transaction.one_or_none(_OF, {"seller": seller_id})
    return (Look(), 0) if row is None else (Look(**row["look"]), row["version"])


async def save(transaction: Transaction, seller_id: UUID, look: Look, *, version: int) -> None:
    await transaction.execute(_SAVE, {"legal_entity_id": seller_id, "look": asdict(look), "version": version})
