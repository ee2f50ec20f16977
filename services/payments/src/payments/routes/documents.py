"""Invoices and acts to print, and the outcome of a payment."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

import anyio
from fastapi import APIRouter, Header, Request, Response
from foyer_chassis.auth import CurrentCaller, public
from foyer_chassis.changes import wait_seconds
from foyer_chassis.db import Database, Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_contracts.money import Money
from pydantic import BaseModel

from ..accounting import store as accounting
from ..documents.domain import ActTooEarlyError, Row, rows
from ..documents.use_cases import Document, render
from ..invoicing import store as invoices
from ..invoicing.domain import Status as InvoiceStatus
from ..invoicing.domain.lines import folded
from ..order_copies import store as copies
from ..paying import store as payments
from ..paying.domain import Status as PaymentStatus
from ..price_lists import store as price_lists
from .access import READERS, visible_invoice, visible_order
from .looks import LookOut, look_of

router = APIRouter(prefix="/v1", tags=["documents"])

PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}, "description": "a document"}}
LONGEST_WAIT_SECONDS = 20
LOOK_SECONDS = 0.25


class OutcomeOut(BaseModel):
    """What became of a payment: `waiting` until the provider's last word, then `paid` or `not_paid`. `look`: as the
    seller wants the page that shows it to look (D8)."""

    payment_id: UUID
    state: Literal["waiting", "paid", "not_paid"]
    charged: Money
    look: LookOut


async def _customer(transaction: Transaction, customer_id: UUID) -> str:
    customer = await copies.customer(transaction, customer_id)
    return "Физическое лицо" if customer is None or customer.erased else customer.display_name


async def _printed(document: Document, name: str) -> Response:
    content = await anyio.to_thread.run_sync(render, document)
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="application/pdf", headers=headers)


@router.get("/invoices/{number}/pdf", dependencies=[READERS], response_class=Response, responses=PDF)
async def print_invoice(number: int, reading: Reading, caller: CurrentCaller) -> Response:
    """The invoice to print, in Russian, with the seller's details and the amount in words."""
    invoice = await visible_invoice(reading, number, caller)
    document = Document(
        kind="invoice",
        number=invoice.number,
        at=invoice.issued_at,
        order_number=invoice.order_number,
        customer=await _customer(reading, invoice.applicant_id),
        seller=await price_lists.seller(reading, invoice.legal_entity_id),
        rows=rows(folded(invoice.lines, extras_as_lines=invoice.extras_as_lines)),
        total=invoice.total,
    )
    return await _printed(document, f"invoice-{invoice.number}")


@router.get("/orders/{order_id}/act/pdf", dependencies=[READERS], response_class=Response, responses=PDF)
async def print_act(order_id: UUID, reading: Reading, caller: CurrentCaller) -> Response:
    """The act of a done order: what was paid for, extras apart or in the price as the order's flag says (A18), less
    what was given back."""
    order = await visible_order(reading, order_id, caller)
    account = await accounting.account_of(reading, order_id)
    if order is None:
        raise NotFoundError
    paid = [item for item in await invoices.of_order(reading, order_id) if item.status is InvoiceStatus.PAID]
    if order.status_group != "done" or not paid or account is None:
        raise ActTooEarlyError(group=order.status_group, paid_invoices=len(paid))
    shown: list[Row] = []
    for invoice in paid:
        shown += rows(folded(invoice.lines, extras_as_lines=order.extras_as_lines))
    document = Document(
        kind="act",
        number=order.number,
        at=max(item.settled_at or item.issued_at for item in paid),
        order_number=order.number,
        customer=await _customer(reading, order.applicant_id),
        seller=await price_lists.seller(reading, paid[-1].legal_entity_id),
        rows=shown,
        total=sum((item.total for item in paid), start=Money.zero(account.paid.currency)),
        refunded=account.refunded,
    )
    return await _printed(document, f"act-{order.number}")


@router.get(
    "/outcomes/{payment_id}",
    tags=["payments"],
    dependencies=[public("the payer comes back from the provider, perhaps without an account; nothing else is shown")],
)
async def get_outcome(
    payment_id: UUID,
    request: Request,
    response: Response,
    prefer: Annotated[
        str | None, Header(description="`wait=N`: seconds to wait for the outcome", max_length=200)
    ] = None,
) -> OutcomeOut:
    """What became of a payment, for the page that the payer comes back to: by what the provider told us, whatever the
    address they came back by says. With `Prefer: wait=N` it answers once that is known."""
    seconds = wait_seconds(prefer, longest=LONGEST_WAIT_SECONDS)
    database: Database = request.app.state.database
    until = asyncio.get_running_loop().time() + seconds
    while True:
        async with database.read() as transaction:
            payment = await payments.outcome(transaction, payment_id)
            if payment is None:
                raise NotFoundError
            look, _ = await look_of(transaction, await invoices.by_id(transaction, payment.invoice_id))
        waiting = payment.status in {PaymentStatus.CREATING, PaymentStatus.PENDING}
        if not waiting or asyncio.get_running_loop().time() >= until:
            break
        await asyncio.sleep(LOOK_SECONDS)
    if seconds:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    paid = payment.status is PaymentStatus.SUCCEEDED
    return OutcomeOut(
        payment_id=payment.id,
        state="waiting" if waiting else "paid" if paid else "not_paid",
        charged=payment.charged,
        look=LookOut.of(look),
    )
