"""Memberships bought without an account: by an email, paid online (D3)."""

import hashlib
import json
from time import monotonic
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from foyer_chassis.auth import Caller, public
from foyer_chassis.changes import Changes, wait_seconds
from foyer_chassis.db import Database, Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import etag
from foyer_chassis.idempotency import Answer, IdempotencyKeyMissingError, Once
from foyer_chassis.problems import locale_of
from foyer_contracts.money import Money
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..catalogue import store as catalogue
from ..customers.routes import Email
from ..ordering.domain.order import Order
from ..ordering.routes.cards import OrderNumber, title_of
from ..ordering.routes.placing import Prefer
from ..statuses import store as statuses
from . import use_cases
from .domain import SHORTEST_KEY, KeyTooShortError, digest, guest_id
from .use_cases import Purchase

router = APIRouter(prefix="/v1", tags=["storefront"])

_GUESTS = public("guests buy memberships without an account (D3)")
#: The token opens the order: nothing keeps the answer, and no page that it leads to learns the address.
_PRIVATE = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}
Token = Annotated[str | None, Query(min_length=1, max_length=200, description="or as `X-Order-Token`")]


class PurchaseIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    offering_id: UUID
    email: Email = Field(description="where the activation code goes")
    name: str | None = Field(default=None, max_length=200)
    locale: Literal["ru", "en"] | None = Field(default=None, description="of what is sent; else Accept-Language")
    answers: dict[str, Any] = Field(default={}, max_length=200, description="to the offering's form, if it has one")
    expected_total: Money | None = Field(default=None, description="the price you have shown; refused if it differs")

    @field_validator("name")
    @classmethod
    def _not_blank(cls, name: str | None) -> str | None:
        return (name or "").strip() or None


class GuestOrderOut(BaseModel):
    """An order as the guest who placed it sees it."""

    number: int
    status: str
    status_group: str
    title: str = Field(description="status of the order and of its money in words")
    offering_id: UUID
    offering_title: str
    short_text: str
    price: Money | None
    money_status: str
    payment_url: str | None = Field(description="where it can be paid")
    version: int


class PurchaseOut(GuestOrderOut):
    token: str = Field(description="opens the order; it is shown here alone, so keep it")


async def _once(
    request: Request, idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None
) -> Once:
    """As for people who sign in, with the key itself for the person. It is kept as a digest: with what stands beside
    the order it makes the token."""
    if idempotency_key is None:
        raise IdempotencyKeyMissingError(field="Idempotency-Key")
    if len(idempotency_key) < SHORTEST_KEY:
        raise KeyTooShortError(field="Idempotency-Key", shortest=SHORTEST_KEY)
    guest = Caller(
        id=guest_id(idempotency_key),
        roles=frozenset(),
        permissions=frozenset(),
        locale="ru",
        name="",
        email=None,
        phone=None,
    )
    return Once(
        database=request.app.state.database,
        caller=guest,
        route=f"{request.method} {request.url.path}",
        key=digest(idempotency_key).hex(),
        request_hash=hashlib.sha256(await request.body()).digest(),
    )


OncePerGuestsKey = Annotated[Once, Depends(_once)]


@router.post("/storefront/orders", status_code=201, response_model=PurchaseOut, dependencies=[_GUESTS])
async def buy(
    body: PurchaseIn,
    request: Request,
    once: OncePerGuestsKey,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
    prefer: Prefer = None,
) -> Response:
    """Buy a membership that is sold online. A repeat with the same key is answered with the same order and token.

    The payment link comes soon: wait for it with `Prefer: wait=5`, here or when reading the order.
    """
    state = request.app.state
    locale: Literal["ru", "en"] = body.locale or ("en" if locale_of(request) == "en" else "ru")
    purchase = Purchase(
        offering_id=body.offering_id,
        email=body.email,
        name=body.name,
        locale=locale,
        answers=body.answers,
        expected_total=body.expected_total,
        key=idempotency_key,
    )

    async def command(transaction: Transaction) -> Answer:
        order = await use_cases.buy(
            transaction, purchase, state.numbers, most_per_hour=state.settings.storefront_orders_per_hour
        )
        headers = {"Location": f"/v1/storefront/orders/{order.number}"}
        # Without the token: what is stored for the key is no place for it.
        return Answer(await _shown(transaction, order, locale), 201, headers)

    answer = await once.run(command)
    placed = json.loads(bytes(answer.body))
    number = placed["number"]
    database: Database = state.database
    async with database.read() as reading:
        token = await use_cases.token_for(reading, number, idempotency_key)
    headers = {**_PRIVATE, "Location": answer.headers["Location"]}
    if "Idempotency-Replayed" in answer.headers:
        headers["Idempotency-Replayed"] = "true"
    seconds = wait_seconds(prefer, longest=state.settings.longest_wait_seconds)
    if seconds:
        placed = (await _when_settled(request, number, token, seconds, locale=locale)).model_dump(mode="json")
        headers["Preference-Applied"] = f"wait={seconds}"
    out = PurchaseOut(**placed, token=token)
    return Response(out.model_dump_json(), 201, {**headers, "ETag": etag(out.version)}, "application/json")


@router.get(
    "/storefront/orders/{number}",
    response_model=GuestOrderOut,
    responses={304: {"description": "unchanged since the version in If-None-Match"}},
    dependencies=[_GUESTS],
)
async def get_guest_order(
    number: OrderNumber,
    request: Request,
    token: Token = None,
    x_order_token: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
    if_none_match: Annotated[str | None, Header(max_length=100)] = None,
    prefer: Prefer = None,
) -> Response:
    """What became of it. With `Prefer: wait=N`: when it can be paid or is decided; with `If-None-Match` too: when it
    has changed, e.g. is paid."""
    given = x_order_token or token
    if given is None:
        raise NotFoundError
    seconds = wait_seconds(prefer, longest=request.app.state.settings.longest_wait_seconds)
    locale = "en" if locale_of(request) == "en" else "ru"
    shown = await _when_settled(request, number, given, seconds, locale=locale, unless=if_none_match)
    headers = {**_PRIVATE, "ETag": etag(shown.version), "Vary": "Accept-Language, X-Order-Token"}
    if seconds:
        headers["Preference-Applied"] = f"wait={seconds}"
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(shown.model_dump_json(), 200, headers, "application/json")


async def _when_settled(
    request: Request, number: int, token: str, seconds: float, *, locale: str, unless: str | None = None
) -> GuestOrderOut:
    """The order as soon as nothing more happens to it without a person, and it is not at the version `unless`; or
    after `seconds`."""
    changes: Changes = request.app.state.changes
    database: Database = request.app.state.database
    until = monotonic() + seconds

    def is_news(order: Order) -> bool:
        return order.is_settled and etag(order.version) != unless

    async def look() -> Order:
        async with database.read() as reading:
            return await use_cases.order_of(reading, number, token)

    order = await look()
    if not is_news(order) and seconds > 0:
        with changes.of(order.id) as change:
            while not is_news(order := await look()) and (left := until - monotonic()) > 0:
                await change.wait(left)
    async with database.read() as reading:
        return await _shown(reading, order, locale)


async def _shown(reading: Transaction, order: Order, locale: str) -> GuestOrderOut:
    offering = await catalogue.offering_at(reading, order.offering_id, order.offering_version)
    english = locale == "en"
    short_text = "" if offering is None else (english and offering.short_text_en) or offering.short_text
    return GuestOrderOut(
        number=order.number,
        status=order.status.value,
        status_group=order.group.value,
        title=title_of(order, await statuses.directory(reading), locale),
        offering_id=order.offering_id,
        offering_title=order.offering_title if offering is None else offering.title_in(locale),
        short_text=short_text,
        price=order.total,
        money_status=order.money_status,
        payment_url=order.payment_url,
        version=order.version,
    )
