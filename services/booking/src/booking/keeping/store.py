"""What is kept for a customer, of all kinds."""

from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from ..lodging.tables import offers
from ..waiting.domain import OfferStatus
from ..waiting.tables import waiting_offers

_APPLICANT = sa.bindparam("applicant", type_=sa.Uuid)
_NOW = sa.bindparam("now", type_=sa.DateTime(timezone=True))
_OPEN_AT_THEIR_WISH = sa.union_all(
    sa.select(waiting_offers.c.id).where(
        waiting_offers.c.applicant_id == _APPLICANT,
        waiting_offers.c.status == OfferStatus.OPEN,
        waiting_offers.c.expires_at > _NOW,
        waiting_offers.c.entry_id.is_(None),
    ),
    sa.select(offers.c.id).where(
        offers.c.applicant_id == _APPLICANT, offers.c.status == OfferStatus.OPEN, offers.c.expires_at > _NOW
    ),
).subquery()
_COUNT = sa.select(sa.func.count()).select_from(_OPEN_AT_THEIR_WISH)


async def how_many(transaction: Transaction, applicant_id: UUID) -> int:
    """How many offers that they asked for are open for a customer now."""
    parameters = {"applicant": applicant_id, "now": transaction.now}
    return int((await transaction.execute(_COUNT, parameters)).scalar_one())
