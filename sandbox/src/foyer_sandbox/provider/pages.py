"""The page where a person pays or declines, and the index."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from foyer_sandbox.provider import domain
from foyer_sandbox.provider.bank import Bank
from foyer_sandbox.provider.errors import ApiError
from foyer_sandbox.provider.switches import ProviderSwitches
from foyer_sandbox.provider.webhooks import Courier
from foyer_sandbox.switches import SwitchBoard
from foyer_sandbox.web import page

OFFERED_CARDS = ("5555555555554477", "2202474301322987", "5555555555554600", "5555555555554543", "5555555555554592")


def page_routes(bank: Bank, courier: Courier, board: SwitchBoard[ProviderSwitches]) -> APIRouter:
    """`/pay/{id}` and `/sandbox`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/pay/{payment_id}")
    async def show(payment_id: str, request: Request) -> Response:
        payment = bank.store.payment(payment_id)
        if payment is None:
            return page(request, "pay.html", 404, payment=None, amount="", cards={})
        return page(
            request,
            "pay.html",
            payment=payment,
            amount=_amount(payment),
            cards={number: domain.CARDS[number] for number in OFFERED_CARDS},
        )

    @router.post("/pay/{payment_id}")
    async def submit(
        payment_id: str,
        request: Request,
        action: Annotated[str, Form(pattern="^(pay|decline)$")],
        card: Annotated[str, Form()] = domain.GOOD_CARD,
    ) -> Response:
        """Back to the shop, also on a second click; a payment that expired meanwhile shows that."""
        try:
            if action == "pay":
                bank.pay(payment_id, card.replace(" ", ""))
            else:
                bank.decline(payment_id, "general_decline")
            courier.wake()
        except ApiError:
            payment = bank.store.payment(payment_id)
            if payment is None or payment.status != "succeeded":
                return await show(payment_id, request)
        payment = bank.store.payment(payment_id)
        assert payment is not None
        assert payment.return_url is not None
        return RedirectResponse(payment.return_url, status_code=303)

    @router.get("/sandbox")
    async def index(request: Request) -> Response:
        payments = bank.store.payments(None, 0, None, 50)
        return page(
            request,
            "provider.html",
            payments=[(payment, _amount(payment)) for payment in payments],
            notifications=bank.store.notifications(None, 20),
            switches=board.now.model_dump_json(indent=2),
        )

    return router


def _amount(payment: domain.Payment) -> str:
    whole, cents = divmod(payment.amount, 100)
    return f"{whole:,}".replace(",", "\u202f") + f",{cents:02d}\u00a0₽"
