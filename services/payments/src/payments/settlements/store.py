from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from ..accounting.tables import order_accounts
from ..invoicing.tables import invoices
from ..order_copies.domain import Viewer
from ..order_copies.store import SeenBy
from ..order_copies.tables import order_copies
from ..paying.domain import OWN_WAYS
from ..paying.tables import payments
from ..price_lists.tables import legal_entities
from .domain import DisputedTopUp, Settlement, Taken, TopUp
from .tables import settlement_changes, settlements

#: Orders whose money moved since they were settled.
_DUE = (
    sa.select(order_accounts)
    .where(order_accounts.c.settled_version < order_accounts.c.version)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_ids: sa.BindParameter[Sequence[UUID]] = sa.bindparam("ids", expanding=True)
_default = sa.select(legal_entities.c.id).where(legal_entities.c.is_default).scalar_subquery()
_TERMS = (
    sa.select(
        order_accounts.c.order_id,
        settlements.c.gross,
        settlements.c.acquiring,
        settlements.c.commission,
        settlements.c.chargebacks,
        settlements.c.version,
        sa.func.coalesce(settlements.c.legal_entity_id, order_copies.c.legal_entity_id, _default).label("seller"),
        sa.func.coalesce(settlements.c.commission_percent, legal_entities.c.commission_percent, 0).label("percent"),
    )
    .select_from(order_accounts)
    .outerjoin(settlements, settlements.c.order_id == order_accounts.c.order_id)
    .outerjoin(order_copies, order_copies.c.order_id == order_accounts.c.order_id)
    .outerjoin(legal_entities, legal_entities.c.id == sa.func.coalesce(order_copies.c.legal_entity_id, _default))
    .where(order_accounts.c.order_id.in_(_ids))
)
_TAKEN = (
    sa.select(
        payments.c.id,
        payments.c.order_id,
        payments.c.provider,
        (payments.c.received + payments.c.surcharge).label("charged"),
        payments.c.acquiring,
        payments.c.charged_back,
        payments.c.dispute_fees,
    )
    .where(payments.c.order_id.in_(_ids), payments.c.received.is_not(None))
    .order_by(payments.c.id)
)
_TOP_UPS = (
    sa.select(
        payments.c.id,
        payments.c.applicant_id,
        sa.func.coalesce(invoices.c.legal_entity_id, _default).label("seller"),
        payments.c.provider,
        (payments.c.received + payments.c.surcharge).label("charged"),
        payments.c.currency,
    )
    .join(invoices, invoices.c.id == payments.c.invoice_id)
    .where(
        payments.c.order_id.is_(None),
        payments.c.received.is_not(None),
        payments.c.acquiring.is_(None),
        payments.c.provider.not_in(sorted(OWN_WAYS)),
    )
    .order_by(payments.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True, of=payments)
)
_DISPUTED_TOP_UPS = (
    sa.select(
        payments.c.id,
        payments.c.applicant_id,
        sa.func.coalesce(invoices.c.legal_entity_id, _default).label("seller"),
        payments.c.provider,
        payments.c.currency,
        (payments.c.charged_back - payments.c.charged_back_settled).label("charged_back"),
        (payments.c.dispute_fees - payments.c.dispute_fees_settled).label("dispute_fees"),
    )
    .join(invoices, invoices.c.id == payments.c.invoice_id)
    .where(
        payments.c.order_id.is_(None),
        sa.or_(
            payments.c.charged_back != payments.c.charged_back_settled,
            payments.c.dispute_fees != payments.c.dispute_fees_settled,
        ),
    )
    .order_by(payments.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True, of=payments)
)
_CHARGED_BACK = (
    sa.update(payments)
    .where(payments.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(charged_back_settled=payments.c.charged_back, dispute_fees_settled=payments.c.dispute_fees)
)
_FIX = sa.update(payments).where(payments.c.id == sa.bindparam("payment")).values(acquiring=sa.bindparam("cost"))
_DONE = (
    sa.update(order_accounts)
    .where(order_accounts.c.order_id.in_(_ids))
    .values(settled_version=order_accounts.c.version)
)
_row = insert(settlements)
_SAVE = _row.on_conflict_do_update(
    index_elements=[settlements.c.order_id],
    set_={name: _row.excluded[name] for name in ("gross", "acquiring", "commission", "chargebacks", "version")},
)
_NOTE = sa.insert(settlement_changes)

_from, _to = (sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("since", "until"))
_seller = sa.bindparam("seller", type_=sa.Uuid)
_order = sa.bindparam("order", type_=sa.Uuid)
_IN_PERIOD = sa.and_(
    sa.or_(_from.is_(None), settlement_changes.c.at >= _from),
    sa.or_(_to.is_(None), settlement_changes.c.at < _to),
    sa.or_(_seller.is_(None), settlement_changes.c.legal_entity_id == _seller),
    sa.or_(_order.is_(None), settlement_changes.c.order_id == _order),
)
_VISIBLE = SeenBy(settlement_changes.c.order_id, None)
_SUMS = tuple(
    sa.func.sum(settlement_changes.c[name]).cast(sa.BigInteger).label(name)
    for name in ("gross", "acquiring", "commission", "chargebacks", "net")
)
_of_top_up = settlement_changes.c.top_up_id.is_not(None)
_BY_ORDER = (
    sa.select(
        settlement_changes.c.order_id,
        settlement_changes.c.order_number,
        settlement_changes.c.legal_entity_id,
        settlement_changes.c.currency,
        *_SUMS,
        sa.func.max(settlement_changes.c.at).label("last_at"),
    )
    .where(_IN_PERIOD, settlement_changes.c.order_id.is_not(None))
    .group_by(
        settlement_changes.c.order_id,
        settlement_changes.c.order_number,
        settlement_changes.c.legal_entity_id,
        settlement_changes.c.currency,
    )
    .order_by(settlement_changes.c.order_id)
)
_after = sa.bindparam("after", type_=sa.Uuid)
_PAGE = _BY_ORDER.where(sa.or_(_after.is_(None), settlement_changes.c.order_id > _after)).limit(sa.bindparam("limit"))
_TOTALS = (
    sa.select(
        settlement_changes.c.legal_entity_id,
        legal_entities.c.name,
        settlement_changes.c.currency,
        sa.func.count(settlement_changes.c.order_id.distinct()).label("orders"),
        sa.func.count(settlement_changes.c.top_up_id.distinct()).label("top_ups"),
        *(
            sa.func.coalesce(sa.func.sum(settlement_changes.c[name]).filter(_of_top_up), 0)
            .cast(sa.BigInteger)
            .label(f"top_up_{name}")
            for name in ("acquiring", "chargebacks")
        ),
        *_SUMS,
    )
    .outerjoin(legal_entities, legal_entities.c.id == settlement_changes.c.legal_entity_id)
    .where(_IN_PERIOD)
    .group_by(settlement_changes.c.legal_entity_id, legal_entities.c.name, settlement_changes.c.currency)
    .order_by(legal_entities.c.name, settlement_changes.c.legal_entity_id, settlement_changes.c.currency)
)


async def claim(transaction: Transaction, *, most: int) -> Sequence[sa.RowMapping]:
    """Accounts of orders to settle, locked until the end of the transaction."""
    return await transaction.all(_DUE, {"most": most})


async def settled(
    transaction: Transaction, accounts: Sequence[sa.RowMapping]
) -> dict[UUID, tuple[Settlement, list[Taken]]]:
    """What these orders are settled at, and what was taken for each."""
    ids = [row["order_id"] for row in accounts]
    terms = {row["order_id"]: row for row in await transaction.all(_TERMS, {"ids": ids})}
    taken: dict[UUID, list[Taken]] = {id_: [] for id_ in ids}
    for row in await transaction.all(_TAKEN, {"ids": ids}):
        of = Taken(
            *(row["id"], row["provider"], row["charged"], row["acquiring"]),
            charged_back=row["charged_back"],
            dispute_fees=row["dispute_fees"],
        )
        taken[row["order_id"]].append(of)
    found = {}
    for account in accounts:
        own = terms[account["order_id"]]
        settlement = Settlement(
            order_id=account["order_id"],
            order_number=account["order_number"],
            legal_entity_id=own["seller"],
            currency=account["currency"],
            gross=own["gross"] or 0,
            acquiring=own["acquiring"] or {},
            commission=own["commission"] or 0,
            commission_percent=Decimal(own["percent"]),
            version=own["version"] or 0,
            chargebacks=own["chargebacks"] or {},
        )
        found[account["order_id"]] = (settlement, taken[account["order_id"]])
    return found


async def claim_top_ups(transaction: Transaction, *, most: int) -> list[TopUp]:
    """Online top-ups whose cost is not booked, locked until the end of the transaction."""
    return [
        TopUp(row["id"], row["applicant_id"], row["seller"], row["provider"], row["charged"], row["currency"])
        for row in await transaction.all(_TOP_UPS, {"most": most})
    ]


async def claim_disputed_top_ups(transaction: Transaction, *, most: int) -> list[DisputedTopUp]:
    """Online top-ups of which not all that disputes cost is booked, locked until the end of the transaction."""
    return [
        DisputedTopUp(
            payment_id=row["id"],
            customer_id=row["applicant_id"],
            legal_entity_id=row["seller"],
            provider=row["provider"],
            currency=row["currency"],
            charged_back=row["charged_back"],
            dispute_fees=row["dispute_fees"],
        )
        for row in await transaction.all(_DISPUTED_TOP_UPS, {"most": most})
    ]


async def charged_back(transaction: Transaction, top_ups: Sequence[DisputedTopUp]) -> None:
    """What disputes about these cost is booked now."""
    await transaction.execute(_CHARGED_BACK, {"ids": [item.payment_id for item in top_ups]})


async def note(transaction: Transaction, changes: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_NOTE, changes)


async def fix_acquiring(transaction: Transaction, costs: Mapping[UUID, int]) -> None:
    if costs:
        await transaction.execute(_FIX, [{"payment": id_, "cost": cost} for id_, cost in costs.items()])


async def save(transaction: Transaction, changed: Sequence[Settlement], changes: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(
        _SAVE,
        [
            {
                "order_id": item.order_id,
                "order_number": item.order_number,
                "legal_entity_id": item.legal_entity_id,
                "currency": item.currency,
                "gross": item.gross,
                "acquiring": dict(item.acquiring),
                "commission": item.commission,
                "chargebacks": dict(item.chargebacks),
                "commission_percent": item.commission_percent,
                "version": item.version,
            }
            for item in changed
        ],
    )
    await transaction.execute(_NOTE, changes)


async def done(transaction: Transaction, order_ids: Sequence[UUID]) -> None:
    await transaction.execute(_DONE, {"ids": list(order_ids)})


def _period(
    viewer: Viewer,
    since: datetime | None,
    until: datetime | None,
    seller: UUID | None,
    order: UUID | None,
) -> dict[str, Any]:
    return {**viewer.parameters(), "since": since, "until": until, "seller": seller, "order": order}


async def page(
    transaction: Transaction,
    viewer: Viewer,
    *,
    since: datetime | None,
    until: datetime | None,
    seller: UUID | None,
    order: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[sa.RowMapping]:
    """Sums of orders over a period, in the order of their ids."""
    return await transaction.all(
        _PAGE.where(_VISIBLE.of(viewer)),
        {**_period(viewer, since, until, seller, order), "after": after, "limit": limit},
    )


async def totals(
    transaction: Transaction,
    viewer: Viewer,
    *,
    since: datetime | None,
    until: datetime | None,
    seller: UUID | None,
) -> Sequence[sa.RowMapping]:
    """Sums of legal entities over a period, by currency."""
    return await transaction.all(_TOTALS.where(_VISIBLE.of(viewer)), _period(viewer, since, until, seller, None))


async def stream(
    transaction: Transaction,
    viewer: Viewer,
    *,
    since: datetime | None,
    until: datetime | None,
    seller: UUID | None,
) -> AsyncIterator[sa.RowMapping]:
    """As `page`, all of it, a few rows at a time."""
    result = await transaction.connection.stream(
        _BY_ORDER.where(_VISIBLE.of(viewer)), _period(viewer, since, until, seller, None)
    )
    async for row in result.mappings():
        yield row
