from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis import telemetry
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction, cause
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import insert

from .domain import Forgotten
from .tables import forgotten_cards, saved_cards


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
    .returning(saved_cards.c.provider, saved_cards.c.token)
)
_FORGET_ALL = (
    sa.delete(saved_cards)
    .where(saved_cards.c.customer_id.in_(sa.bindparam("customers", expanding=True)))
    .returning(saved_cards.c.provider, saved_cards.c.token)
)
_SAME = (
    sa.select(saved_cards.c.provider, saved_cards.c.token)
    .where(
        saved_cards.c.customer_id == sa.bindparam("customer"),
        saved_cards.c.provider == sa.bindparam("of_provider"),
        saved_cards.c.title == sa.bindparam("titled"),
    )
    .with_for_update()
)
_DETACH = sa.insert(forgotten_cards)
_due = due(forgotten_cards.c.id, forgotten_cards.c.next_at)
_CLAIM = (
    sa.update(forgotten_cards)
    .where(forgotten_cards.c.id == _due.c.id)
    .values(next_at=sa.bindparam("until"), attempts=forgotten_cards.c.attempts + 1)
    .returning(*forgotten_cards.c)
)
_DETACHED = sa.delete(forgotten_cards).where(forgotten_cards.c.id == sa.bindparam("card"))
_MISSED = (
    sa.update(forgotten_cards)
    .where(forgotten_cards.c.id == sa.bindparam("card"))
    .values(failure=sa.bindparam("why"), next_at=sa.bindparam("until", type_=sa.DateTime(timezone=True)))
)


async def keep(
    transaction: Transaction, *, customer_id: UUID, provider: str, token: str, title: str, detaching: Collection[str]
) -> None:
    """The same card saved before had another token, which is needed no longer. `detaching`, here and below: providers
    that can be told to forget a card; of the others its token only goes from here."""
    same = await transaction.all(_SAME, {"customer": customer_id, "of_provider": provider, "titled": title})
    await _detach(transaction, [row for row in same if row["token"] != token], detaching)
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


async def forget(
    transaction: Transaction, *, customer_id: UUID, card_id: UUID, detaching: Collection[str]
) -> str | None:
    """Its token, which nobody here knows any more; None: the customer has no such card."""
    row = await transaction.one_or_none(_FORGET, {"customer": customer_id, "card": card_id})
    if row is None:
        return None
    await _detach(transaction, [row], detaching)
    return str(row["token"])


async def forget_all(transaction: Transaction, customer_ids: Sequence[UUID], *, detaching: Collection[str]) -> None:
    await _detach(transaction, await transaction.all(_FORGET_ALL, {"customers": list(customer_ids)}), detaching)


async def _detach(transaction: Transaction, cards: Sequence[sa.RowMapping], detaching: Collection[str]) -> None:
    """The providers of these cards are to keep them no longer, where they can be told so."""
    rows = [
        {
            "id": new_id(),
            "provider": card["provider"],
            "token": card["token"],
            "next_at": transaction.now,
            "forgotten_at": transaction.now,
            "caused_by": cause.get(),
            "traceparent": telemetry.current_traceparent(),
        }
        for card in cards
        if card["provider"] in detaching
    ]
    if rows:
        await transaction.execute(_DETACH, rows)


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[Forgotten]:
    """Cards whose provider is to be told now, ours until `until`."""
    rows = await transaction.all(_CLAIM, {"due": transaction.now, "until": until, "most": most})
    return [Forgotten(**{name: row[name] for name in Forgotten.__slots__}) for row in rows]


async def detached(transaction: Transaction, card: Forgotten) -> None:
    """Its provider keeps it no longer, and nothing of it is here any more."""
    await transaction.execute(_DETACHED, {"card": card.id})


async def missed(transaction: Transaction, card: Forgotten, failure: str, until: datetime | None) -> None:
    """Its provider could not be told: again at `until`; None: not any more."""
    await transaction.execute(_MISSED, {"card": card.id, "why": failure, "until": until})
