"""What is kept for who asked for it, before there is an order."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction

from ...waiting.domain import OfferStatus
from ..domain import Kind, Offer
from ..tables import offers

_BY_ID = sa.select(offers).where(offers.c.id == sa.bindparam("id"))
_LOCKED = (
    sa.select(offers)
    .where(
        offers.c.id.in_(sa.bindparam("ids", expanding=True)),
        offers.c.group_id.in_(sa.bindparam("groups", expanding=True)),
    )
    .order_by(offers.c.id)
    .with_for_update(key_share=True)
)
_OPEN = offers.c.status == OfferStatus.OPEN
_OPEN_OF_APPLICANT = (
    sa.select(offers)
    .where(
        offers.c.applicant_id == sa.bindparam("applicant"),
        _OPEN,
        offers.c.expires_at > sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    )
    .order_by(offers.c.id)
)
_DUE = due(offers.c.id, offers.c.expires_at, _OPEN)
_EXPIRE = (
    sa.update(offers)
    .where(offers.c.id == _DUE.c.id)
    .values(status=OfferStatus.EXPIRED.value, version=offers.c.version + 1)
    .returning(offers.c.id)
)
_FORGET = sa.delete(offers).where(
    ~_OPEN, offers.c.expires_at < sa.bindparam("before", type_=sa.DateTime(timezone=True))
)
_END = (
    sa.update(offers)
    .where(offers.c.id == sa.bindparam("offer"))
    .values(status=sa.bindparam("new_status"), order_id=sa.bindparam("new_order"), version=offers.c.version + 1)
)


def _offer(row: sa.RowMapping) -> Offer:
    return Offer(**{**row, "kind": Kind(row["kind"]), "status": OfferStatus(row["status"])})


async def add_offer(transaction: Transaction, offer: Offer) -> None:
    values = {**asdict(offer), "kind": offer.kind.value, "status": offer.status.value}
    await transaction.execute(sa.insert(offers), values)


async def offer_by_id(transaction: Transaction, id_: UUID) -> Offer | None:
    row = await transaction.one_or_none(_BY_ID, {"id": id_})
    return None if row is None else _offer(row)


async def offers_locked(
    transaction: Transaction, ids: Collection[UUID], group_ids: Collection[UUID]
) -> dict[UUID, Offer]:
    """Those of these offers that are of these groups, whose locks the transaction has: groups are locked before offers,
    by everybody."""
    rows = await transaction.all(_LOCKED, {"ids": list(ids), "groups": list(group_ids)}) if ids else []
    return {row["id"]: _offer(row) for row in rows}


async def open_offers(transaction: Transaction, applicant_id: UUID) -> list[Offer]:
    """What is kept for a customer now: few, by the rule of how many."""
    parameters = {"applicant": applicant_id, "now": transaction.now}
    return [_offer(row) for row in await transaction.all(_OPEN_OF_APPLICANT, parameters)]


async def end_offer(
    transaction: Transaction, offer_id: UUID, status: OfferStatus, *, order_id: UUID | None = None
) -> None:
    await transaction.execute(_END, {"offer": offer_id, "new_status": status.value, "new_order": order_id})


async def expire_offers(transaction: Transaction, *, most: int) -> list[UUID]:
    """Those that were not taken in time, ended; others that another worker has in hand are left to it."""
    return list((await transaction.execute(_EXPIRE, {"due": transaction.now, "most": most})).scalars())


async def forget_offers(transaction: Transaction, *, before: datetime) -> None:
    """Drop what came to its end long ago: an order that took one is known by its lodging."""
    await transaction.execute(_FORGET, {"before": before})
