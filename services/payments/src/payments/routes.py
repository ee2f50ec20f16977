"""Invoices, payments, refunds and what an order's account holds. Customers see their own, staff with `payments:read`
all of them; what a caller may not see is not there (404)."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Database, Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from foyer_contracts.orders import Line
from pydantic import BaseModel

from .accounting import store as accounting
from .invoicing import store as invoices
from .invoicing.domain import Invoice
from .invoicing.domain import Status as InvoiceStatus
from .paying import store as payments
from .paying.domain import Payment
from .paying.domain import Status as PaymentStatus
from .refunding import store as refunds
from .refunding import use_cases as refunding
from .refunding.domain import Refund
from .refunding.domain import Status as RefundStatus

router = APIRouter(prefix="/v1")

READERS = requires("payments:read", "payments:read_own")
LONGEST_WAIT_SECONDS = 20
WAIT_STEP_SECONDS = 0.05

After = Annotated[UUID | None, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]


class PaymentOut(BaseModel):
    """A payment at the provider.

    `status`: creating, pending, succeeded, cancelled, failed. `watched`: cancelled by us, but its money may still
    come. `link`: where to pay, while that is possible. `reason`: why it was cancelled or failed.
    """

    id: UUID
    invoice_id: UUID
    order_id: UUID
    provider: str
    number: str | None
    status: str
    watched: bool
    amount: Money
    received: Money | None
    link: str | None
    method: str | None
    reason: str | None
    created_at: datetime
    paid_at: datetime | None

    @classmethod
    def of(cls, payment: Payment) -> Self:
        watched = payment.status is PaymentStatus.WATCHED
        return cls(
            id=payment.id,
            invoice_id=payment.invoice_id,
            order_id=payment.order_id,
            provider=payment.provider,
            number=payment.provider_payment_id,
            status=PaymentStatus.CANCELLED if watched else payment.status,
            watched=watched,
            amount=payment.amount,
            received=payment.received,
            link=payment.link,
            method=payment.method,
            reason=payment.reason,
            created_at=payment.created_at,
            paid_at=payment.paid_at,
        )


class RefundOut(BaseModel):
    """Money on its way back.

    `status`: requested, in_progress, succeeded, failed. `failure` (staff only): the last thing that went wrong.
    """

    id: UUID
    payment_id: UUID
    order_id: UUID
    order_number: int
    status: RefundStatus
    amount: Money
    reason: str
    attempts: int
    failure: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, refund: Refund, caller: Caller) -> Self:
        return cls(
            id=refund.id,
            payment_id=refund.payment_id,
            order_id=refund.order_id,
            order_number=refund.order_number,
            status=refund.status,
            amount=refund.amount,
            reason=refund.reason,
            attempts=refund.attempts,
            failure=refund.failure if caller.may("payments:read") else None,
            requested_at=refund.requested_at,
            started_at=refund.started_at,
            finished_at=refund.finished_at,
        )


class InvoiceOut(BaseModel):
    """An invoice with its payments and the order's refunds.

    `status`: issued, paid, cancelled. `paid`: what came in for it. `link`: where to pay it, once there is one.
    """

    id: UUID
    number: int
    order_id: UUID
    order_number: int
    status: InvoiceStatus
    description: str
    lines: list[Line]
    total: Money
    paid: Money
    link: str | None
    pay_until: datetime | None
    issued_at: datetime
    settled_at: datetime | None
    cancel_reason: str | None
    payments: list[PaymentOut]
    refunds: list[RefundOut]


class InvoicePage(BaseModel):
    items: list[InvoiceOut]
    next: UUID | None


class RefundPage(BaseModel):
    items: list[RefundOut]
    next: UUID | None


class AccountOut(BaseModel):
    """What an order paid, what went back, and what is promised and not yet back (failed refunds included)."""

    order_id: UUID
    order_number: int
    paid: Money
    refunded: Money
    pending: Money


def _scope(caller: Caller) -> UUID | None:
    """Whose things the caller sees: None for everybody's."""
    return None if caller.may("payments:read") else caller.id


async def _whole(
    transaction: Transaction, found: Sequence[Invoice], caller: Caller
) -> tuple[list[InvoiceOut], list[int]]:
    """Invoices with their payments and refunds, and a number for each that grows with every change of any of them."""
    if not found:
        return [], []
    paid = await payments.of_invoices(transaction, [invoice.id for invoice in found])
    back = await refunds.of_orders(transaction, [invoice.order_id for invoice in found])
    shown, versions = [], []
    for invoice in found:
        own_payments = [payment for payment in paid if payment.invoice_id == invoice.id]
        ids = {payment.id for payment in own_payments}
        own_refunds = [refund for refund in back if refund.payment_id in ids]
        shown.append(
            InvoiceOut(
                id=invoice.id,
                number=invoice.number,
                order_id=invoice.order_id,
                order_number=invoice.order_number,
                status=invoice.status,
                description=invoice.description,
                lines=[Line.model_validate(line) for line in invoice.lines],
                total=invoice.total,
                paid=invoice.paid,
                link=next((payment.link for payment in own_payments if payment.link), None),
                pay_until=invoice.pay_until,
                issued_at=invoice.issued_at,
                settled_at=invoice.settled_at,
                cancel_reason=invoice.cancel_reason,
                payments=[PaymentOut.of(payment) for payment in own_payments],
                refunds=[RefundOut.of(refund, caller) for refund in own_refunds],
            )
        )
        versions.append(
            invoice.version + sum(item.version for item in own_payments) + sum(item.version for item in own_refunds)
        )
    return shown, versions


@router.get("/invoices", tags=["invoices"], dependencies=[READERS])
async def list_invoices(
    reading: Reading,
    caller: CurrentCaller,
    order_id: UUID | None = None,
    order_number: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    limit: Limit = 50,
    after: After = None,
) -> InvoicePage:
    found = await invoices.page(
        reading,
        applicant_id=_scope(caller),
        order_id=order_id,
        order_number=order_number,
        after=after,
        limit=limit,
    )
    shown, _ = await _whole(reading, found, caller)
    return InvoicePage(items=shown, next=found[-1].id if len(found) == limit else None)


@router.get(
    "/invoices/{number}",
    tags=["invoices"],
    dependencies=[READERS],
    response_model=InvoiceOut,
    responses={304: {"description": "Nothing changed since that ETag"}},
)
async def get_invoice(
    number: int,
    request: Request,
    response: Response,
    caller: CurrentCaller,
    if_none_match: Annotated[str | None, Header(description="an ETag that was read before")] = None,
    prefer: Annotated[
        str | None,
        Header(description=f"`wait=N`: up to N ≤ {LONGEST_WAIT_SECONDS} seconds, see above", max_length=200),
    ] = None,
) -> Any:
    """One invoice. With `Prefer: wait=N` the answer waits until there is something new: with `If-None-Match` until the
    invoice is no longer as that ETag knew it, else until it has a link to pay or can no longer be paid."""
    wait = re.search(r"\bwait=(\d{1,3})\b", prefer or "")
    seconds = min(int(wait.group(1)), LONGEST_WAIT_SECONDS) if wait else 0
    database: Database = request.app.state.database
    until = asyncio.get_running_loop().time() + seconds
    while True:
        # A connection is taken for each look, not for the whole wait.
        async with database.read() as transaction:
            invoice = await _visible_invoice(transaction, number, caller)
            (shown,), (version,) = await _whole(transaction, [invoice], caller)
        tag = f'"{version}"'
        known = if_none_match is not None and tag in (item.strip() for item in if_none_match.split(","))
        settled = (
            not known if if_none_match is not None else bool(shown.link) or shown.status is not InvoiceStatus.ISSUED
        )
        if settled or asyncio.get_running_loop().time() >= until:
            break
        await asyncio.sleep(WAIT_STEP_SECONDS)
    headers = {"ETag": tag} | ({"Preference-Applied": f"wait={seconds}"} if wait else {})
    if known:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return shown


async def _visible_invoice(transaction: Transaction, number: int, caller: Caller) -> Invoice:
    if not 0 <= number < 2**63:
        raise NotFoundError
    invoice = await invoices.by_number(transaction, number, applicant_id=_scope(caller))
    if invoice is None:
        raise NotFoundError
    return invoice


@router.get("/payments/{payment_id}", tags=["payments"], dependencies=[READERS])
async def get_payment(payment_id: UUID, reading: Reading, caller: CurrentCaller) -> PaymentOut:
    payment = await payments.by_id(reading, payment_id, applicant_id=_scope(caller))
    if payment is None:
        raise NotFoundError
    return PaymentOut.of(payment)


@router.get("/refunds", tags=["refunds"], dependencies=[READERS])
async def list_refunds(
    reading: Reading,
    caller: CurrentCaller,
    state: RefundStatus | None = None,
    order_id: UUID | None = None,
    limit: Limit = 50,
    after: After = None,
) -> RefundPage:
    found = await refunds.page(
        reading, applicant_id=_scope(caller), state=state, order_id=order_id, after=after, limit=limit
    )
    return RefundPage(
        items=[RefundOut.of(refund, caller) for refund in found], next=found[-1].id if len(found) == limit else None
    )


@router.post(
    "/refunds/{refund_id}/retry",
    tags=["refunds"],
    status_code=202,
    response_model=RefundOut,
    dependencies=[requires("payments:refund")],
)
async def retry_refund(refund_id: UUID, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Try a failed refund again; 409 in any other state."""

    async def command(transaction: Transaction) -> Answer:
        refund = await refunding.retry(transaction, refund_id)
        return Answer(RefundOut.of(refund, caller), 202)

    return await once.run(command)


@router.get("/orders/{order_id}/account", tags=["invoices"], dependencies=[READERS])
async def get_account(order_id: UUID, reading: Reading, caller: CurrentCaller) -> AccountOut:
    account = await accounting.account_of(reading, order_id)
    scope = _scope(caller)
    if account is None or (scope is not None and account.applicant_id != scope):
        raise NotFoundError
    return AccountOut(
        order_id=account.order_id,
        order_number=account.order_number,
        paid=account.paid,
        refunded=account.refunded,
        pending=account.pending_refund,
    )
