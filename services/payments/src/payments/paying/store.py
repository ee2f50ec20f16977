from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import JSONB

from ..accounting import domain as ledger
from ..order_copies.domain import Viewer
from ..order_copies.store import SeenBy
from ..order_copies.tables import order_copies
from .domain import OWN_WAYS, Choice, Payment, Status
from .tables import payments

_INSERT = sa.insert(payments)
_BY_ID = sa.select(payments).where(payments.c.id == sa.bindparam("id"))
_LOCKED = _BY_ID.with_for_update()
_OPEN_OF_INVOICES = (
    sa.select(payments)
    .where(
        payments.c.invoice_id.in_(sa.bindparam("invoices", expanding=True)),
        payments.c.status.in_([Status.CREATING, Status.PENDING]),
    )
    .with_for_update()
)
_COUNT_OF_INVOICE = sa.select(sa.func.count()).where(payments.c.invoice_id == sa.bindparam("invoice"))
_LAST_PART = sa.select(sa.func.coalesce(sa.func.max(payments.c.part), 0)).where(
    payments.c.order_id == sa.bindparam("order")
)
_HAND_OVER = (
    sa.update(payments)
    .where(payments.c.invoice_id == sa.bindparam("from_invoice"), payments.c.status == Status.SUCCEEDED)
    .values(invoice_id=sa.bindparam("to_invoice"), version=payments.c.version + 1)
)
_OF_INVOICES = (
    sa.select(payments)
    .where(payments.c.invoice_id.in_(sa.bindparam("invoices", expanding=True)))
    .order_by(payments.c.id)
)
_REFUNDABLE = (
    sa.select(payments)
    .where(
        payments.c.order_id == sa.bindparam("order"),
        payments.c.received > payments.c.refund_reserved + payments.c.disputed,
    )
    .order_by(payments.c.id.desc())
    .with_for_update()
)
_RESERVE = (
    sa.update(payments)
    .where(payments.c.id == sa.bindparam("payment"))
    .values(
        refund_reserved=payments.c.refund_reserved + sa.bindparam("added"),
        surcharge_reserved=payments.c.surcharge_reserved + sa.bindparam("added_surcharge"),
    )
)
_DISPUTE = (
    sa.update(payments)
    .where(payments.c.id == sa.bindparam("payment"))
    .values(disputed=payments.c.disputed + sa.bindparam("change"))
)
_CHARGE_BACK = (
    sa.update(payments)
    .where(payments.c.id == sa.bindparam("payment"))
    .values(
        charged_back=payments.c.charged_back + sa.bindparam("lost"),
        dispute_fees=payments.c.dispute_fees + sa.bindparam("fees"),
    )
)
_SAVED = (
    "provider_payment_id",
    "status",
    "link",
    "method",
    "reason",
    "received",
    "next_at",
    "paid_at",
    "part",
    "invoice_id",
    "version",
)
_SAVE = (
    sa.update(payments)
    .where(payments.c.id == sa.bindparam("payment"))
    .values({name: sa.bindparam(f"new_{name}", type_=payments.c[name].type) for name in _SAVED})
)


def _claim(known_to_provider: bool) -> sa.Update:
    id_ = payments.c.provider_payment_id
    rows = due(payments.c.id, payments.c.next_at, id_.is_not(None) if known_to_provider else id_.is_(None))
    return (
        sa.update(payments)
        .where(payments.c.id == rows.c.id)
        .values(
            next_at=sa.bindparam("until"),
            attempts=payments.c.attempts if known_to_provider else payments.c.attempts + 1,
        )
        .returning(*payments.c)
    )


_CLAIM_TO_CREATE = _claim(known_to_provider=False)
_CLAIM_TO_CHECK = _claim(known_to_provider=True)
#: A hint that came between the claim and now has moved `next_at`, and stands.
_POSTPONE = (
    sa.update(payments)
    .where(payments.c.id == sa.bindparam("payment"), payments.c.next_at == sa.bindparam("claimed_until"))
    .values(next_at=sa.bindparam("until"))
)
#: While the creation is under way its answer will see `hinted_at`; after that the payment is due at once.
_HINT = (
    sa.update(payments)
    .where(
        payments.c.provider == sa.bindparam("of_provider"),
        payments.c.next_at.is_not(None),
        sa.or_(
            sa.and_(
                payments.c.provider_payment_id == sa.bindparam("their_id"), payments.c.next_at > sa.bindparam("at")
            ),
            sa.and_(
                payments.c.provider_payment_id.is_(None),
                payments.c.id == sa.bindparam("our_id", type_=sa.Uuid),
            ),
        ),
    )
    .values(
        hinted_at=sa.bindparam("at"),
        next_at=sa.case((payments.c.provider_payment_id.is_(None), payments.c.next_at), else_=sa.bindparam("at")),
    )
    .returning(payments.c.id)
)
_VISIBLE = SeenBy(payments.c.order_id, payments.c.applicant_id)
_FORGET_PEOPLE = (
    sa.update(payments)
    .where(payments.c.applicant_id.in_(sa.bindparam("customers", expanding=True)), payments.c.next_at.is_(None))
    .values(
        choice={},
        # Of payments without a receipt there are such with NULL and, older ones, with the JSON value null.
        receipt=sa.case(
            (sa.func.jsonb_typeof(payments.c.receipt) == "object", payments.c.receipt.op("-")("email")),
            else_=sa.null(),
        ),
    )
)
_DELIVERED = (
    sa.update(payments)
    .where(payments.c.id == sa.bindparam("payment"))
    .values(receipt=payments.c.receipt.op("||")(sa.literal({"mode": "full_payment"}, JSONB)))
)
_FORGET_CARD = (
    sa.update(payments)
    .where(
        payments.c.applicant_id == sa.bindparam("customer"),
        payments.c.choice["card_token"].astext == sa.bindparam("token"),
        payments.c.next_at.is_(None),
    )
    .values(choice=payments.c.choice.op("-")("card_token"))
)
_PAGE = sa.select(payments).order_by(payments.c.id.desc()).limit(sa.bindparam("limit"))
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "online": payments.c.provider.not_in(sorted(OWN_WAYS)) == sa.bindparam("online"),
    "state": payments.c.status == sa.bindparam("state"),
    "order_id": payments.c.order_id == sa.bindparam("order_id"),
    "kind": sa.exists().where(
        order_copies.c.order_id == payments.c.order_id, order_copies.c.kind == sa.bindparam("kind")
    ),
    "before": payments.c.id < sa.bindparam("before"),
}


def _payment(row: sa.RowMapping) -> Payment:
    def money(column: str) -> Money:
        return Money(amount=row[column], currency=row["currency"])

    return Payment(
        id=row["id"],
        invoice_id=row["invoice_id"],
        order_id=row["order_id"],
        applicant_id=row["applicant_id"],
        provider=row["provider"],
        provider_payment_id=row["provider_payment_id"],
        description=row["description"],
        amount=money("amount"),
        surcharge=money("surcharge"),
        received=None if row["received"] is None else money("received"),
        refund_reserved=money("refund_reserved"),
        surcharge_reserved=money("surcharge_reserved"),
        disputed=money("disputed"),
        part=row["part"],
        choice=Choice(**row["choice"]),
        receipt=row["receipt"],
        source=row["source"] or ledger.provider(row["provider"]),
        taken_by=row["taken_by"],
        status=Status(row["status"]),
        link=row["link"],
        method=row["method"],
        reason=row["reason"],
        attempts=row["attempts"],
        next_at=row["next_at"],
        hinted_at=row["hinted_at"],
        created_at=row["created_at"],
        paid_at=row["paid_at"],
        caused_by=row["caused_by"],
        traceparent=row["traceparent"],
        version=row["version"],
    )


async def add(transaction: Transaction, *rows: Mapping[str, Any]) -> None:
    await transaction.execute(_INSERT, list(rows))


async def locked(transaction: Transaction, payment_id: UUID) -> Payment:
    row = await transaction.one_or_none(_LOCKED, {"id": payment_id})
    if row is None:
        raise LookupError(f"no payment {payment_id}")
    return _payment(row)


async def locked_open_of(transaction: Transaction, invoice_id: UUID) -> Payment | None:
    return (await locked_open(transaction, [invoice_id])).get(invoice_id)


async def locked_open(transaction: Transaction, invoice_ids: Collection[UUID]) -> dict[UUID, Payment]:
    """The open payments of these invoices, by invoice; each has at most one."""
    rows = await transaction.all(_OPEN_OF_INVOICES, {"invoices": list(invoice_ids)})
    return {row["invoice_id"]: _payment(row) for row in rows}


async def count_of(transaction: Transaction, invoice_id: UUID) -> int:
    result = await transaction.execute(_COUNT_OF_INVOICE, {"invoice": invoice_id})
    return int(result.scalar_one())


async def save(transaction: Transaction, *changed: Payment) -> None:
    await transaction.execute(
        _SAVE,
        [
            {
                "payment": payment.id,
                "new_provider_payment_id": payment.provider_payment_id,
                "new_status": payment.status.value,
                "new_link": payment.link,
                "new_method": payment.method,
                "new_reason": payment.reason,
                "new_received": None if payment.received is None else payment.received.amount,
                "new_next_at": payment.next_at,
                "new_paid_at": payment.paid_at,
                "new_part": payment.part,
                "new_invoice_id": payment.invoice_id,
                "new_version": payment.version,
            }
            for payment in changed
        ],
    )


async def claim_to_create(transaction: Transaction, *, until: datetime, most: int) -> list[Payment]:
    """Payments whose creation the provider is to be asked for now, ours until `until`."""
    rows = await transaction.all(_CLAIM_TO_CREATE, {"due": transaction.now, "until": until, "most": most})
    return [_payment(row) for row in rows]


async def claim_to_check(transaction: Transaction, *, until: datetime, most: int) -> list[Payment]:
    """Payments whose state the provider is to be asked for now, ours until `until`."""
    rows = await transaction.all(_CLAIM_TO_CHECK, {"due": transaction.now, "until": until, "most": most})
    return [_payment(row) for row in rows]


async def postpone(transaction: Transaction, claimed: Payment, until: datetime) -> None:
    """Nothing new about a claimed payment: look again at `until`, unless a webhook has come meanwhile."""
    await transaction.execute(_POSTPONE, {"payment": claimed.id, "claimed_until": claimed.next_at, "until": until})


async def hint(transaction: Transaction, *, provider: str, their_id: str, our_id: UUID | None) -> bool:
    """Something happened to a payment, says somebody. Whether there is one that is worth asking about."""
    row = await transaction.one_or_none(
        _HINT, {"of_provider": provider, "their_id": their_id, "our_id": our_id, "at": transaction.now}
    )
    return row is not None


async def locked_refundable(transaction: Transaction, order_id: UUID) -> list[Payment]:
    """The order's payments of which something is left to give back, newest first."""
    return [_payment(row) for row in await transaction.all(_REFUNDABLE, {"order": order_id})]


async def reserve_refund(transaction: Transaction, payment_id: UUID, amount: Money, surcharge: Money) -> None:
    await transaction.execute(
        _RESERVE, {"payment": payment_id, "added": amount.amount, "added_surcharge": surcharge.amount}
    )


async def dispute(transaction: Transaction, payment_id: UUID, change: int) -> None:
    """So many minor units more, or less, of what came in are disputed."""
    await transaction.execute(_DISPUTE, {"payment": payment_id, "change": change})


async def charge_back(transaction: Transaction, payment_id: UUID, *, lost: int, fees: int) -> None:
    """Disputes about it cost so many minor units more, or less."""
    await transaction.execute(_CHARGE_BACK, {"payment": payment_id, "lost": lost, "fees": fees})


async def next_part(transaction: Transaction, order_id: UUID) -> int:
    """The number of the order's next payment; lock the order's account first."""
    result = await transaction.execute(_LAST_PART, {"order": order_id})
    return int(result.scalar_one()) + 1


async def hand_over(transaction: Transaction, *, from_invoice: UUID, to_invoice: UUID) -> None:
    """The money that came in for an invoice counts for the one that replaces it."""
    await transaction.execute(_HAND_OVER, {"from_invoice": from_invoice, "to_invoice": to_invoice})


async def of_invoices(transaction: Transaction, invoice_ids: Sequence[UUID]) -> list[Payment]:
    return [_payment(row) for row in await transaction.all(_OF_INVOICES, {"invoices": list(invoice_ids)})]


async def by_id(transaction: Transaction, payment_id: UUID, viewer: Viewer) -> Payment | None:
    row = await transaction.one_or_none(_BY_ID.where(_VISIBLE.of(viewer)), {"id": payment_id, **viewer.parameters()})
    return None if row is None else _payment(row)


async def outcome(transaction: Transaction, payment_id: UUID) -> Payment | None:
    """A payment at a provider, whoever asks; show no more of it than what became of it."""
    row = await transaction.one_or_none(_BY_ID, {"id": payment_id})
    return None if row is None or row["provider"] in OWN_WAYS else _payment(row)


async def page(
    transaction: Transaction,
    viewer: Viewer,
    *,
    online: bool | None,
    state: Status | None,
    order_id: UUID | None,
    kind: str | None,
    before: UUID | None,
    limit: int,
) -> list[Payment]:
    """Payments, newest first; `online`: through a payment provider, `kind`: of their orders."""
    given: dict[str, Any] = {"online": online, "state": state, "order_id": order_id, "kind": kind, "before": before}
    given = {name: value for name, value in given.items() if value is not None}
    statement = _PAGE.where(_VISIBLE.of(viewer), *(_FILTERS[name] for name in given))
    rows = await transaction.all(statement, {**viewer.parameters(), "limit": limit, **given})
    return [_payment(row) for row in rows]


async def forget_people(transaction: Transaction, customer_ids: Sequence[UUID]) -> None:
    """Drop what payments that are over know of their payers."""
    await transaction.execute(_FORGET_PEOPLE, {"customers": list(customer_ids)})


async def delivered(transaction: Transaction, payment_id: UUID) -> None:
    """What a payment paid for is delivered: its receipt is that of a full payment from now on."""
    await transaction.execute(_DELIVERED, {"payment": payment_id})


async def forget_card(transaction: Transaction, *, customer_id: UUID, token: str) -> None:
    """Drop a card's token from the payments that were made with it and are over."""
    await transaction.execute(_FORGET_CARD, {"customer": customer_id, "token": token})
