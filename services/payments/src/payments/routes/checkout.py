"""Paying an invoice: what it costs, how, and with which card (B20, D4). The card itself is entered at the provider."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ConflictError, InvalidError, NotFoundError
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from pydantic import BaseModel, Field, model_validator

from ..accounting import store as accounting
from ..cards import store as cards
from ..invoicing import store as invoices
from ..invoicing.domain import Invoice, InvoiceStateError
from ..paying import store as payments
from ..paying import use_cases as paying
from ..paying.domain import BANK_CARD, CHECK, CREATE, WAKE_CHANNEL, Choice
from ..providing import found
from ..settings import Settings
from .access import READERS, visible_invoice
from .price_lists import Email
from .views import InvoiceOut, whole

router = APIRouter(prefix="/v1", tags=["payments"])

PAYERS = requires("payments:pay_own")
Way = Annotated[str, Field(max_length=50, json_schema_extra=lambda schema: schema.update(enum=_ways()))]
#: Pages of one invoice, whoever asked for them.
MOST_PAGES = 50


def _ways() -> list[str]:
    """All ways of all providers."""
    return list(dict.fromkeys(way for provider in found().values() for way in provider.ways))


def _ways_at(settings: Settings, provider: str) -> tuple[str, ...]:
    known = settings.providers.get(provider)
    return known.ways if known else ()


class TooManyPagesError(ConflictError):
    """This invoice had too many payment pages; ask the seller."""

    title_en = "Too many attempts to pay"
    title_ru = "Слишком много попыток оплаты"


class WayNotOfferedError(InvalidError):
    """The seller's payment provider does not offer this way to pay."""

    title_en = "This way to pay is not offered"
    title_ru = "Так оплатить нельзя"


class CardOut(BaseModel):
    """A card that the provider keeps for the customer, e.g. "Mir *4477"."""

    id: UUID
    title: str
    saved_at: datetime | None


class Cards(BaseModel):
    items: list[CardOut]


class CheckoutOut(BaseModel):
    """What paying now would cost: `amount` remains of the invoice, `surcharge` comes on top, `charged` is both."""

    invoice: int
    payable: bool
    amount: Money
    surcharge: Money
    charged: Money
    ways: list[Way]
    cards: list[CardOut]


class PayIn(BaseModel):
    """`email`: for the receipt. `way` null: chosen at the provider. `card_id`: a card saved before; `save_card`: save
    the one that will be entered."""

    email: Email | None = None
    way: Way | None = None
    card_id: UUID | None = None
    save_card: bool = Field(default=False)

    @model_validator(mode="after")
    def _new_or_saved(self) -> Self:
        if self.card_id is not None and (self.save_card or self.way not in (None, BANK_CARD)):
            raise ValueError("a saved card is neither saved again nor paid by another way than bank_card")
        return self


async def _own_invoice(transaction: Transaction, number: int, caller: Caller) -> Invoice:
    """Raises NotFoundError: it is not the caller's own."""
    invoice = await visible_invoice(transaction, number, caller)
    if invoice.applicant_id != caller.id:
        raise NotFoundError
    return invoice


@router.get("/invoices/{number}/checkout", dependencies=[READERS])
async def get_checkout(number: int, reading: Reading, caller: CurrentCaller, request: Request) -> CheckoutOut:
    """What paying the invoice now would cost, and the customer's saved cards."""
    settings: Settings = request.app.state.settings
    invoice = await visible_invoice(reading, number, caller)
    asked = await paying.asked_for(reading, invoice, Choice())
    own = invoice.applicant_id == caller.id
    kept = await cards.of_customer(reading, caller.id) if own else []
    provider = asked.provider or settings.payment_provider
    return CheckoutOut(
        invoice=invoice.number,
        payable=invoice.takes_payment(reading.now) and asked.amount.amount > 0,
        amount=asked.amount,
        surcharge=asked.surcharge,
        charged=asked.amount + asked.surcharge,
        ways=list(_ways_at(settings, provider)),
        cards=[
            CardOut(id=item.id, title=item.title, saved_at=item.saved_at) for item in kept if item.provider == provider
        ],
    )


@router.post("/invoices/{number}/pay", status_code=202, response_model=InvoiceOut, dependencies=[PAYERS])
async def pay_invoice(
    number: int, wanted: PayIn, once: OncePerKey, caller: CurrentCaller, request: Request
) -> Response:
    """Ask for a page to pay as chosen; `link` of the invoice is it, once the provider made it. A page that was asked
    for before is not shown any more; money that still comes by it counts."""
    settings: Settings = request.app.state.settings

    async def command(transaction: Transaction) -> Answer:
        found = await _own_invoice(transaction, number, caller)
        if found.order_id is not None:
            await accounting.locked_account(transaction, found.order_id)
        invoice = await invoices.locked(transaction, found.id)
        if not invoice.takes_payment(transaction.now) or not invoice.remainder.amount:
            raise InvoiceStateError(state=invoice.status.value, verb="pay")
        if await payments.count_of(transaction, invoice.id) >= MOST_PAGES:
            raise TooManyPagesError(limit=MOST_PAGES)
        seller = await paying.seller_of(transaction, invoice)
        provider = (seller.payment_provider if seller else None) or settings.payment_provider
        if wanted.way not in (None, *(ways := _ways_at(settings, provider))):
            raise WayNotOfferedError(field="way", allowed=list(ways))
        choice = Choice(
            email=wanted.email,
            way=wanted.way,
            save_card=wanted.save_card,
            card_token=await _token(transaction, caller.id, wanted.card_id, provider),
        )
        await paying.renew(transaction, invoice, provider=settings.payment_provider, choice=choice)
        transaction.notify(WAKE_CHANNEL, CREATE)
        transaction.notify(WAKE_CHANNEL, CHECK)
        (shown,), _ = await whole(transaction, [invoice], caller)
        return Answer(shown, 202)

    return await once.run(command)


async def _token(transaction: Transaction, customer_id: UUID, card_id: UUID | None, provider: str) -> str | None:
    """Raises NotFoundError: the customer has no such card."""
    if card_id is None:
        return None
    for card in await cards.of_customer(transaction, customer_id):
        if card.id == card_id and card.provider == provider:
            return card.token
    raise NotFoundError(field="card_id")


@router.get("/cards", dependencies=[PAYERS])
async def list_cards(reading: Reading, caller: CurrentCaller) -> Cards:
    """The caller's saved cards."""
    kept = await cards.of_customer(reading, caller.id)
    return Cards(items=[CardOut(id=item.id, title=item.title, saved_at=item.saved_at) for item in kept])


@router.delete("/cards/{card_id}", status_code=204, dependencies=[PAYERS])
async def forget_card(card_id: UUID, transaction: InTransaction, caller: CurrentCaller, request: Request) -> Response:
    """Forget a saved card: its token goes from here, also from the payments that were made with it."""
    settings: Settings = request.app.state.settings
    token = await cards.forget(transaction, customer_id=caller.id, card_id=card_id, detaching=settings.detaching)
    if token is None:
        raise NotFoundError
    await payments.forget_card(transaction, customer_id=caller.id, token=token)
    return Response(status_code=204)
