"""Invoices that staff make, show, mark as paid, take parts of, and cancel (B16–B19, A20–A21).

Managing invoices needs `orders:edit` for the order's kind (B1); taking money needs `payments:take`.
"""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money, not_negative
from pydantic import AfterValidator, BaseModel, Field

from ..invoicing import use_cases as invoicing
from ..invoicing.domain import Invoice, Origin
from ..order_copies.domain import OrderCopy
from ..paying import use_cases as paying
from ..paying.domain import CHECK, CREATE, WAKE_CHANNEL
from ..refunding import use_cases as refunding
from ..settings import Settings
from .access import NO_NUL, order_for, visible_invoice
from .views import InvoiceOut, whole

router = APIRouter(prefix="/v1", tags=["invoices"])

EDITORS = requires("orders:edit")
TAKERS = requires("payments:take")


class PositionIn(BaseModel):
    """A position of the price list. The discount in percent is taken off first, then the one in money; amounts are
    rounded half up to the minor unit, per position."""

    position_id: UUID
    quantity: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 1
    discount_percent: Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)] = Decimal(0)
    discount: Annotated[Money, AfterValidator(not_negative)] | None = None


class InvoiceIn(BaseModel):
    positions: Annotated[list[PositionIn], Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)] | None = None


class MarkPaidIn(BaseModel):
    """In which way staff have the money."""

    method: Literal["cash", "transfer"]


class TakeIn(MarkPaidIn):
    amount: Money


class CancelIn(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)]


async def _shown(transaction: Transaction, invoice: Invoice, caller: Caller) -> InvoiceOut:
    (shown,), _ = await whole(transaction, [invoice], caller)
    return shown


async def order_of(transaction: Transaction, number: int, caller: Caller, permission: str) -> tuple[Invoice, OrderCopy]:
    """An order's invoice that the caller sees and has this permission for. Raises NotFoundError or ForbiddenError."""
    invoice = await visible_invoice(transaction, number, caller)
    if invoice.order_id is None or invoice.origin is Origin.TOP_UP:
        raise ForbiddenError("This is a top-up of an account; see /v1/top-ups.", needs="payments:accounts")
    return invoice, await order_for(transaction, invoice.order_id, caller, permission)


@router.post("/orders/{order_id}/invoices", status_code=201, response_model=InvoiceOut, dependencies=[EDITORS])
async def prepare_invoice(order_id: UUID, wanted: InvoiceIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Prepare an invoice from the price list; the customer sees it once it is activated or marked as paid."""

    async def command(transaction: Transaction) -> Answer:
        order = await order_for(transaction, order_id, caller, "orders:edit")
        invoice = await invoicing.prepare(
            transaction,
            order,
            [
                invoicing.Wanted(item.position_id, item.quantity, item.discount_percent, item.discount)
                for item in wanted.positions
            ],
            description=wanted.description,
        )
        return Answer(await _shown(transaction, invoice, caller), 201)

    return await once.run(command)


@router.post("/invoices/{number}/activate", response_model=InvoiceOut, dependencies=[EDITORS])
async def activate_invoice(number: int, once: OncePerKey, caller: CurrentCaller, request: Request) -> Response:
    """Show a prepared invoice to the customer, who gets a link to pay it."""
    settings: Settings = request.app.state.settings

    async def command(transaction: Transaction) -> Answer:
        found, order = await order_of(transaction, number, caller, "orders:edit")
        invoice = await invoicing.activate(transaction, order, found.id)
        await paying.begin(transaction, invoice, provider=settings.payment_provider)
        transaction.notify(WAKE_CHANNEL, CREATE)
        return Answer(await _shown(transaction, invoice, caller))

    return await once.run(command)


@router.post("/invoices/{number}/mark-paid", response_model=InvoiceOut, dependencies=[EDITORS])
async def mark_invoice_paid(number: int, wanted: MarkPaidIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """The whole of it was paid in cash or by transfer."""

    async def command(transaction: Transaction) -> Answer:
        found, order = await order_of(transaction, number, caller, "orders:edit")
        invoice = await paying.mark_paid(transaction, order, found.id, method=wanted.method, by=caller.id)
        transaction.notify(WAKE_CHANNEL, CHECK)
        return Answer(await _shown(transaction, invoice, caller))

    return await once.run(command)


@router.post("/invoices/{number}/take", response_model=InvoiceOut, dependencies=[TAKERS])
async def take_payment(
    number: int, wanted: TakeIn, once: OncePerKey, caller: CurrentCaller, request: Request
) -> Response:
    """Take a payment of an invoice that is paid in parts; 422 names the `accepted` amounts."""
    settings: Settings = request.app.state.settings

    async def command(transaction: Transaction) -> Answer:
        found, order = await order_of(transaction, number, caller, "payments:take")
        invoice, begun = await paying.take_part(
            transaction,
            order,
            found.id,
            amount=wanted.amount,
            method=wanted.method,
            smallest_remainder=settings.smallest_remainder.get(wanted.amount.currency, 0),
            by=caller.id,
            provider=settings.payment_provider,
        )
        transaction.notify(WAKE_CHANNEL, CHECK)
        if begun:
            transaction.notify(WAKE_CHANNEL, CREATE)
        return Answer(await _shown(transaction, invoice, caller))

    return await once.run(command)


@router.post("/invoices/{number}/cancel", response_model=InvoiceOut, dependencies=[EDITORS])
async def cancel_invoice(number: int, wanted: CancelIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Cancel an invoice that staff made: until it is paid, or after they had marked it as paid themselves."""

    async def command(transaction: Transaction) -> Answer:
        found, order = await order_of(transaction, number, caller, "orders:edit")
        invoice, watch = await refunding.cancel_invoice(
            transaction, order, found.id, reason=wanted.reason, by=caller.id
        )
        if watch:
            transaction.notify(WAKE_CHANNEL, CHECK)
        return Answer(await _shown(transaction, invoice, caller))

    return await once.run(command)
