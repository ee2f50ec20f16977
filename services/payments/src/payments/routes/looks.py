"""What sellers' payment pages look like (D8), and the page itself, which payers see before and after they pay."""

import secrets
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from foyer_chassis.auth import public
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.problems import locale_of
from pydantic import BaseModel, ConfigDict, Field

from ..invoicing import store as invoices
from ..invoicing.domain import Invoice
from ..invoicing.domain import Status as InvoiceStatus
from ..looks import store, use_cases
from ..looks.domain import LONGEST, LONGEST_ADDRESS, Language, Look
from ..paying import store as payments
from ..paying import use_cases as paying
from ..paying.domain import Payment
from ..paying.domain import Status as PaymentStatus
from ..price_lists import store as price_lists
from .price_lists import STAFF, WRITERS, IfMatch

router = APIRouter(prefix="/v1", tags=["payment page"])

POLICY = (
    "default-src 'none'; img-src https:; style-src 'nonce-{nonce}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Language",
}
OPEN = frozenset({PaymentStatus.CREATING, PaymentStatus.PENDING})

Colour = Annotated[str, Field(description="#rrggbb", max_length=7)]


def _texts(name: str) -> object:
    return Field(description=f"by language; at most {LONGEST[name]} characters")


class LookIn(BaseModel):
    """How the seller's page looks. Text must stand out from its ground: a contrast of at least 4.5 (WCAG). A language
    without a text of its own has the page's words."""

    model_config = ConfigDict(extra="forbid")

    logo_url: Annotated[str, Field(max_length=LONGEST_ADDRESS, description="https address of a picture")] | None = None
    background_colour: Colour = "#ffffff"
    text_colour: Colour = "#1a1a1a"
    button_colour: Colour = "#1f5eff"
    button_text_colour: Colour = "#ffffff"
    heading: Annotated[dict[Language, str], _texts("heading")] = {}
    note: Annotated[dict[Language, str], _texts("note")] = {}
    button: Annotated[dict[Language, str], _texts("button")] = {}


class LookOut(LookIn):
    @classmethod
    def of(cls, look: Look) -> Self:
        return cls.model_validate(look, from_attributes=True)


@router.get("/legal-entities/{entity_id}/look", dependencies=[STAFF])
async def get_look(entity_id: UUID, reading: Reading, response: Response) -> LookOut:
    if await price_lists.by_id(reading, entity_id) is None:
        raise NotFoundError
    look, version = await store.of_seller(reading, entity_id)
    response.headers["ETag"] = etag(version)
    return LookOut.of(look)


@router.put("/legal-entities/{entity_id}/look", dependencies=[WRITERS])
async def change_look(
    entity_id: UUID, wanted: LookIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> LookOut:
    look = Look(**wanted.model_dump())
    version = await use_cases.furnish(transaction, entity_id, look, version=version_of(if_match))
    response.headers["ETag"] = etag(version)
    return LookOut.of(look)


async def look_of(transaction: Transaction, invoice: Invoice) -> tuple[Look, str | None]:
    """How the page of the invoice's seller looks, and what the seller is called."""
    seller = await paying.seller_of(transaction, invoice)
    if seller is None:
        return Look(), None
    return (await store.of_seller(transaction, seller.id))[0], seller.name


async def _page(transaction: Transaction, payment: Payment, invoice: Invoice, seller: str | None) -> use_cases.Page:
    """Of the payment; or, if that is over and the invoice can still be paid, of the one that took its place."""
    shown = payment
    if payment.status is not PaymentStatus.SUCCEEDED:
        of_invoice = await payments.of_invoices(transaction, [invoice.id])
        shown = next((item for item in of_invoice if item.status in OPEN), payment)
    paid = PaymentStatus.SUCCEEDED is payment.status or invoice.status is InvoiceStatus.PAID
    return use_cases.Page(
        seller=seller,
        description=invoice.description,
        charged=shown.charged,
        surcharge=shown.surcharge,
        state="paid" if paid else "waiting" if shown.status in OPEN else "not_paid",
        link=None if paid else shown.link,
    )


@router.get(
    "/page",
    response_class=HTMLResponse,
    dependencies=[public("payers have no account, or are not signed in; whoever has the id came from the page")],
)
async def payment_page(
    payment_id: UUID,
    request: Request,
    reading: Reading,
    lang: Annotated[Language | None, Query(description="else as the browser asks")] = None,
) -> HTMLResponse:
    """A payment as its payer sees it, as the seller wants it to look: what is to be paid with a link to pay it, then
    what became of it. It tells what the provider told us, whatever the address one came back by says."""
    payment = await payments.outcome(reading, payment_id)
    if payment is None:
        raise NotFoundError
    invoice = await invoices.by_id(reading, payment.invoice_id)
    look, seller = await look_of(reading, invoice)
    language: Language = lang or ("en" if locale_of(request) == "en" else "ru")
    nonce = secrets.token_urlsafe(16)
    page = use_cases.written(await _page(reading, payment, invoice, seller), look, language, nonce=nonce)
    return HTMLResponse(page, headers={**HEADERS, "Content-Security-Policy": POLICY.format(nonce=nonce)})
