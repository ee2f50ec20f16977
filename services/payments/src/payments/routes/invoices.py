"""Invoices, payments, refunds and what an order's account holds. Customers see their own, staff with `payments:read`
those of their kinds and locations; what a caller may not see is not there (404)."""

import asyncio
import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from foyer_chassis.auth import CurrentCaller
from foyer_chassis.db import Database
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_contracts.money import Money
from pydantic import BaseModel

from ..accounting import store as accounting
from ..invoicing import store as invoices
from ..invoicing.domain import Status as InvoiceStatus
from ..paying import store as payments
from ..paying.domain import Status as PaymentStatus
from .access import NO_NUL, READERS, After, Limit, viewer, visible_invoice, visible_order
from .views import InvoiceOut, PaymentOut, whole

router = APIRouter(prefix="/v1")

LONGEST_WAIT_SECONDS = 20
WAIT_STEP_SECONDS = 0.05


class InvoicePage(BaseModel):
    items: list[InvoiceOut]
    next: UUID | None


class PaymentPage(BaseModel):
    items: list[PaymentOut]
    next: UUID | None


class AccountOut(BaseModel):
    """What an order paid, what went back, and what is promised and not yet back (failed refunds included);
    `refundable`: what may still go back."""

    order_id: UUID
    order_number: int
    paid: Money
    refunded: Money
    pending: Money
    refundable: Money


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
        viewer(caller),
        order_id=order_id,
        order_number=order_number,
        after=after,
        limit=limit,
    )
    shown, _ = await whole(reading, found, caller)
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
            invoice = await visible_invoice(transaction, number, caller)
            (shown,), (version,) = await whole(transaction, [invoice], caller)
            if (await visible_invoice(transaction, number, caller)).version != invoice.version:
                # It changed between the two looks: what was read of it does not fit its payments.
                continue
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


@router.get("/payments", tags=["payments"], dependencies=[READERS])
async def list_payments(
    reading: Reading,
    caller: CurrentCaller,
    online: Annotated[bool | None, Query(description="through a payment provider, or not")] = None,
    state: PaymentStatus | None = None,
    order_id: UUID | None = None,
    kind: Annotated[
        str | None, Query(max_length=40, pattern=NO_NUL, description="of the order, e.g. membership")
    ] = None,
    limit: Limit = 50,
    before: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
) -> PaymentPage:
    """Payments, newest first."""
    found = await payments.page(
        reading,
        viewer(caller),
        online=online,
        state=state,
        order_id=order_id,
        kind=kind,
        before=before,
        limit=limit,
    )
    return PaymentPage(
        items=[PaymentOut.of(item) for item in found], next=found[-1].id if len(found) == limit else None
    )


@router.get("/payments/{payment_id}", tags=["payments"], dependencies=[READERS])
async def get_payment(payment_id: UUID, reading: Reading, caller: CurrentCaller) -> PaymentOut:
    payment = await payments.by_id(reading, payment_id, viewer(caller))
    if payment is None:
        raise NotFoundError
    return PaymentOut.of(payment)


@router.get("/orders/{order_id}/account", tags=["invoices"], dependencies=[READERS])
async def get_account(order_id: UUID, reading: Reading, caller: CurrentCaller) -> AccountOut:
    account = await accounting.account_of(reading, order_id)
    if account is None:
        raise NotFoundError
    await visible_order(reading, order_id, caller, applicant_id=account.applicant_id)
    return AccountOut(
        order_id=account.order_id,
        order_number=account.order_number,
        paid=account.paid,
        refunded=account.refunded,
        pending=account.pending_refund,
        refundable=account.refundable,
    )
