"""What Stripe is asked (https://docs.stripe.com/api).

A page is a Checkout Session; a saved card is charged by a PaymentIntent without the customer at hand.
"""

import contextlib
from typing import Any

from ...cards.domain import Forgotten
from ...paying.domain import Payment, ProviderPayment, ProviderRefusedError, ProviderUnclearError
from ...providing import Connection
from ...refunding.domain import ProviderRefund, Refund
from . import shapes
from .amounts import units
from .client import Client


class Stripe:
    """An account at Stripe. A request is repeated with its idempotency key until it has an answer."""

    def __init__(self, client: Client, connection: Connection) -> None:
        self._client = client
        self._connection = connection

    async def create_payment(self, payment: Payment) -> ProviderPayment:
        if payment.choice.card_token is not None:
            return await self._charge_saved(payment)
        intent: dict[str, Any] = {"metadata": _about(payment)}
        if self._connection.two_stage:
            intent["capture_method"] = "manual"
        body: dict[str, Any] = {
            "mode": "payment",
            "client_reference_id": str(payment.id),
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": payment.charged.currency.lower(),
                        "unit_amount": units(payment.charged),
                        "product_data": {"name": payment.description[:250]},
                    },
                }
            ],
            "metadata": _about(payment),
            "success_url": self._connection.return_to(payment),
            "cancel_url": self._connection.return_to(payment),
            "payment_intent_data": intent,
        }
        if payment.choice.email is not None:
            body["customer_email"] = payment.choice.email
        if payment.choice.way is not None:
            body["payment_method_types"] = ["card"]
        if payment.choice.save_card:
            body["customer_creation"] = "always"
            intent["setup_future_usage"] = "off_session"
        return shapes.of_session(
            await self._client.ask("POST", "/v1/checkout/sessions", shapes.Session, body=body, key=str(payment.id))
        )

    async def _charge_saved(self, payment: Payment) -> ProviderPayment:
        customer, _, method = (payment.choice.card_token or "").partition(":")
        body: dict[str, Any] = {
            "amount": units(payment.charged),
            "currency": payment.charged.currency.lower(),
            "customer": customer,
            "payment_method": method,
            "off_session": True,
            "confirm": True,
            "description": payment.description[:250],
            "metadata": _about(payment),
            "expand": ["payment_method"],
        }
        if self._connection.two_stage:
            body["capture_method"] = "manual"
        if payment.choice.email is not None:
            body["receipt_email"] = payment.choice.email
        return shapes.of_intent(
            await self._client.ask("POST", "/v1/payment_intents", shapes.Intent, body=body, key=str(payment.id))
        )

    async def get_payment(self, provider_payment_id: str) -> ProviderPayment:
        if provider_payment_id.startswith("pi_"):
            path, query = f"/v1/payment_intents/{provider_payment_id}", {"expand": ["payment_method"]}
            return shapes.of_intent(await self._client.ask("GET", path, shapes.Intent, query=query))
        return shapes.of_session(await self._whole_session(provider_payment_id))

    async def _whole_session(self, id_: str) -> shapes.Session:
        query = {"expand": ["payment_intent.payment_method"]}
        return await self._client.ask("GET", f"/v1/checkout/sessions/{id_}", shapes.Session, query=query)

    async def close_page(self, payment: Payment) -> ProviderPayment | None:
        id_ = payment.provider_payment_id or ""
        if id_.startswith("pi_"):
            return None
        # Refused: it was paid, or had expired, a moment before.
        with contextlib.suppress(ProviderRefusedError):
            await self._client.ask(
                "POST", f"/v1/checkout/sessions/{id_}/expire", shapes.Session, body={}, key=f"{payment.id}-expire"
            )
        return await self.get_payment(id_)

    async def capture_payment(self, payment: Payment) -> ProviderPayment:
        return await self._decide(payment, "capture")

    async def release_payment(self, payment: Payment) -> ProviderPayment:
        return await self._decide(payment, "cancel")

    async def _decide(self, payment: Payment, verb: str) -> ProviderPayment:
        id_ = payment.provider_payment_id or ""
        intent_id = id_
        if not id_.startswith("pi_"):
            found = (await self._whole_session(id_)).payment_intent
            if not isinstance(found, shapes.Intent):
                raise ProviderUnclearError("no payment intent")
            intent_id = found.id
        await self._client.ask(
            "POST", f"/v1/payment_intents/{intent_id}/{verb}", shapes.Intent, body={}, key=f"{payment.id}-{verb}"
        )
        return await self.get_payment(id_)

    async def create_refund(self, refund: Refund) -> ProviderRefund:
        body = {
            "payment_intent": await self._intent_of(refund.provider_payment_id or ""),
            "amount": units(refund.paid_out),
            "metadata": {"refund_id": str(refund.id), "order_id": str(refund.order_id)},
        }
        return shapes.of_refund(
            await self._client.ask("POST", "/v1/refunds", shapes.Refund, body=body, key=refund.provider_key)
        )

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        return shapes.of_refund(await self._client.ask("GET", f"/v1/refunds/{provider_refund_id}", shapes.Refund))

    async def find_refund(self, refund: Refund) -> ProviderRefund | None:
        query = {"payment_intent": await self._intent_of(refund.provider_payment_id or ""), "limit": 100}
        found = await self._client.ask("GET", "/v1/refunds", shapes.Refunds, query=query)
        ours = [
            item
            for item in map(shapes.of_refund, found.data)
            if item.our_id == refund.id and item.status != "cancelled"
        ]
        return ours[0] if ours else None

    async def _intent_of(self, provider_payment_id: str) -> str:
        if provider_payment_id.startswith("pi_"):
            return provider_payment_id
        found = (await self._whole_session(provider_payment_id)).payment_intent
        if found is None:
            raise ProviderUnclearError("no payment intent")
        return found if isinstance(found, str) else found.id

    async def detach_card(self, card: Forgotten) -> None:
        """https://docs.stripe.com/api/payment_methods/detach"""
        method = card.token.partition(":")[2]
        path = "/v1/payment_methods/{}/detach"
        await self._client.ask(
            "POST", path.format(method), shapes.Method, body={}, key=f"{card.id}-detach", logged_as=path
        )


def _about(payment: Payment) -> dict[str, str]:
    about = {"payment_id": str(payment.id), "invoice_id": str(payment.invoice_id)}
    return about | ({"order_id": str(payment.order_id)} if payment.order_id else {})
