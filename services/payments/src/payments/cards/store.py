from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import insert

from .tables import saved_cards


@dataclass(frozen=True, slots=True)
class SavedCard:
    """`token` is the provider's and is never shown."""

    id: UUID
    customer_id: UUID
    provider: str
    token: str = field(repr=False)
    title: str = ""
    saved_at: datetime | None = None


_new = insert(saved_cards)
#: The same card saved again has a newer token.
_KEEP = _new.on_conflict_do_update(
    constraint="saved_cards_once", set_={"token": _new.excluded.token, "saved_at": _new.excluded.saved_at}
)
_OF = sa.select(saved_cards).where(saved_cards.c.customer_id == sa.bindparam("customer")).order_by(saved_cards.c.id)
_FORGET = (
    sa.delete(saved_cards)
    .where(saved_cards.c.customer_id == sa.bindparam("customer"), saved_cards.c.id == sa.bindparam("card"))
    .returning(saved_cards.c.token)
)
_FORGET_ALL = sa.delete(saved_cards).where(saved_cards.c.customer_id.in_(sa.bindparam("customers", expanding=True)))


async def keep(transaction: Transaction, *, customer_id: UUID, provider: str, token: str, title: str) -> None:
    await transaction.execute(
        _KEEP,
        {
            "id": new_id(),
            "customer_id": customer_id,
            "provider": provider,
            "token": token,
            "title": title,
            "saved_at": transaction.now,
        },
    )


async def of_customer(transaction: Transaction, customer_id: UUID) -> Sequence[SavedCard]:
    rows = await transaction.all(_OF, {"customer": customer_id})
    return [SavedCard(**row) for row in rows]


async def forget(transaction: Transaction, *, customer_id: UUID, card_id: UUID) -> str | None:
    """Its token, which nobody here knows any more; None: the customer has no such card."""
    row = await transaction.one_or_none(_FORGET, {"customer": customer_id, "card": card_id})
    return None if row is None else str(row["token"])


async def forget_all(transaction: Transaction, customer_ids: Sequence[UUID]) -> None:
    await transaction.execute(_FORGET_ALL, {"customers": list(customer_ids)})
