"""The only queries on guests' orders."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from .domain import Access
from .tables import storefront_orders

_s = storefront_orders.c
_LOCK_EMAIL = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:digest, 'hex'), 0))").bindparams(
    sa.bindparam("digest", type_=sa.LargeBinary)
)
_SINCE = (
    sa.select(_s.created_at)
    .where(_s.email_digest == sa.bindparam("digest"), _s.created_at > sa.bindparam("since"))
    .order_by(_s.created_at.desc())
    .limit(sa.bindparam("most"))
)
_INSERT = sa.insert(storefront_orders)
_ACCESS = sa.select(_s.order_id, _s.nonce, _s.token_digest).where(_s.number == sa.bindparam("number"))


async def placed_since(transaction: Transaction, digest: bytes, since: datetime, *, most: int) -> Sequence[datetime]:
    """When the last orders of an email were placed, the newest first. Nobody else places one for it meanwhile."""
    await transaction.execute(_LOCK_EMAIL, {"digest": digest})
    result = await transaction.execute(_SINCE, {"digest": digest, "since": since, "most": most})
    return result.scalars().all()


async def add(transaction: Transaction, order_id: UUID, number: int, access: Access, email_digest: bytes) -> None:
    await transaction.execute(
        _INSERT,
        {
            "order_id": order_id,
            "number": number,
            "nonce": access.nonce,
            "token_digest": access.token_digest,
            "email_digest": email_digest,
            "created_at": transaction.now,
        },
    )


async def access_to(transaction: Transaction, number: int) -> tuple[UUID, Access] | None:
    row = await transaction.one_or_none(_ACCESS, {"number": number})
    return None if row is None else (row["order_id"], Access(row["nonce"], row["token_digest"]))
