"""What guests see: memberships that are sold online, and the button that sells them (D1, D2)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from foyer_chassis.auth import public
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_chassis.problems import locale_of
from foyer_contracts.money import Money
from pydantic import BaseModel, Field

from .. import store
from ..domain import Kind, NotForOnlineSaleError, Offering, button_html, preview_page
from .offerings import OnlineSaleIn
from .shapes import CONFIGURERS

router = APIRouter(prefix="/v1", tags=["storefront"])

_GUESTS = public("guests buy memberships without an account (D3)")
_PREVIEW_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
}
#: A change of price or button reaches everybody within a minute.
_CACHED = "public, max-age=60"


def _storefront(request: Request) -> str:
    """Where the storefront's pages are: as configured, else on the host that was asked."""
    configured = getattr(request.app.state.settings, "storefront_url", None)
    return str(configured or request.base_url).rstrip("/")


Storefront = Annotated[str, Depends(_storefront)]


class SoldOnlineOut(BaseModel):
    """A membership as the storefront shows it, in the language of Accept-Language."""

    id: UUID
    kind: Kind
    title: str
    short_text: str
    description: str
    cover_url: str | None
    price: Money
    legal_entity_id: UUID | None
    button: OnlineSaleIn


class ButtonOut(BaseModel):
    snippet: str = Field(description="HTML to paste into a page; it needs no script")
    url: str = Field(description="where the button leads")


@router.get("/storefront/offerings/{offering_id}", dependencies=[_GUESTS])
async def get_sold_online(offering_id: UUID, request: Request, reading: Reading, response: Response) -> SoldOnlineOut:
    """404 for whatever is not sold online."""
    offering = await _sold_online(reading, offering_id)
    english = locale_of(request) == "en"
    assert offering.price is not None
    assert offering.online_sale is not None
    response.headers["Cache-Control"] = _CACHED
    response.headers["Vary"] = "Accept-Language"
    return SoldOnlineOut(
        id=offering.id,
        kind=offering.kind,
        title=offering.title_in("en" if english else "ru"),
        short_text=(english and offering.short_text_en) or offering.short_text,
        description=(english and offering.description_en) or offering.description,
        cover_url=offering.cover_url,
        price=offering.price,
        legal_entity_id=offering.legal_entity_id,
        button=OnlineSaleIn.of(offering.online_sale),
    )


@router.get("/storefront/offerings/{offering_id}/button", dependencies=[_GUESTS])
async def get_button(offering_id: UUID, reading: Reading, storefront: Storefront) -> ButtonOut:
    """The snippet to paste into a site."""
    offering = await _sold_online(reading, offering_id)
    assert offering.online_sale is not None
    return _button(OnlineSaleIn.of(offering.online_sale), offering_id, storefront)


@router.get("/storefront/offerings/{offering_id}/button/preview", response_class=HTMLResponse, dependencies=[_GUESTS])
async def get_button_preview(
    offering_id: UUID, request: Request, reading: Reading, storefront: Storefront
) -> HTMLResponse:
    """A page with the button as it looks on a site."""
    offering = await _sold_online(reading, offering_id)
    assert offering.online_sale is not None
    locale = locale_of(request)
    button = _button(OnlineSaleIn.of(offering.online_sale), offering_id, storefront)
    return HTMLResponse(
        preview_page(button.snippet, title=offering.title_in(locale), locale=locale), headers=_PREVIEW_HEADERS
    )


@router.post("/offerings/{offering_id}/button-preview", dependencies=[CONFIGURERS])
async def preview_button(offering_id: UUID, body: OnlineSaleIn, reading: Reading, storefront: Storefront) -> ButtonOut:
    """How the button would look, while it is being designed; nothing is stored."""
    offering = await store.offering_by_id(reading, offering_id)
    if offering is None:
        raise NotFoundError
    if not (offering.kind is Kind.MEMBERSHIP and offering.permanent):
        raise NotForOnlineSaleError(kind=offering.kind.value, permanent=offering.permanent)
    return _button(body, offering_id, storefront)


async def _sold_online(reading: Transaction, offering_id: UUID) -> Offering:
    offering = await store.offering_by_id(reading, offering_id)
    if offering is None or not offering.sold_online or offering.price is None:
        raise NotFoundError
    return offering


def _button(sale: OnlineSaleIn, offering_id: UUID, storefront: str) -> ButtonOut:
    url = f"{storefront}/storefront/{offering_id}"
    return ButtonOut(snippet=button_html(sale.to_sale(), url), url=url)
