"""Notifications of payment providers: hints that something happened, never the news itself.

Nothing in one is believed: it only makes the worker ask the provider sooner. Who may send one is checked by address
(YooKassa, which signs nothing) or by signature (Stripe).
"""

from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from foyer_chassis import log
from foyer_chassis.auth import public
from foyer_chassis.db import Database
from foyer_chassis.errors import BadRequestError, ForbiddenError
from foyer_chassis.http import InTransaction
from pydantic import ValidationError

from ..disputes import use_cases as disputes
from ..paying import use_cases as paying
from ..refunding import use_cases as refunding
from ..settings import Network, Settings
from . import stripe, stripe_events
from .yookassa import NAME, Notification

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

LONGEST_BODY_BYTES = 64 * 1024

_logger = log.get(__name__)


class WebhookSenderError(ForbiddenError):
    """Only the payment provider may call this, from its own addresses."""


class WebhookBodyError(BadRequestError):
    """This is not a notification of the payment provider."""


def sender(request: Request) -> str | None:
    """The address of who really sent the request: the direct peer or, where that is a trusted proxy, whom it names.

    The gateway names it in a header of its own, and drops such a header of anybody else. Other proxies: of
    `X-Forwarded-For` only the last address counts, which the proxy itself added; those before it are the sender's
    own claim.
    """
    settings: Settings = request.app.state.settings
    peer = request.client.host if request.client else None
    if not _among(peer, settings.trusted_proxies):
        return peer
    for header in ("x-foyer-client-address", "x-envoy-external-address", "x-forwarded-for"):
        if (named := request.headers.get(header)) is not None:
            return named.rpartition(",")[2].strip()
    return peer


def _among(address: str | None, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)


async def from_provider(request: Request) -> None:
    """Raises WebhookSenderError."""
    settings: Settings = request.app.state.settings
    address = sender(request)
    if not _among(address, settings.yookassa_webhook_networks):
        _logger.warning("webhook_from_stranger", address=address)
        raise WebhookSenderError


async def _body(request: Request) -> bytes:
    """Raises WebhookBodyError: too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY_BYTES:
            raise WebhookBodyError(f"The body is longer than {LONGEST_BODY_BYTES} bytes.")
    return bytes(body)


async def notification(request: Request) -> Notification:
    """Raises WebhookBodyError: too long, or nothing that can be read."""
    try:
        return Notification.model_validate_json(await _body(request))
    except ValidationError:
        raise WebhookBodyError from None


async def signed(request: Request) -> stripe_events.Notification:
    """Raises WebhookSenderError: not signed by Stripe; WebhookBodyError: nothing that can be read."""
    settings: Settings = request.app.state.settings
    body = await _body(request)
    database: Database = request.app.state.database
    secret = settings.stripe_webhook_secret.get_secret_value()
    if not stripe_events.is_signed(body, request.headers.get("stripe-signature"), secret, now=database.now()):
        _logger.warning("webhook_not_signed")
        raise WebhookSenderError
    try:
        return stripe_events.Notification.model_validate_json(body)
    except ValidationError:
        raise WebhookBodyError from None


@router.post(
    "/yookassa",
    dependencies=[public("the provider has no token; its address is checked"), Depends(from_provider)],
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def yookassa(notified: Annotated[Notification, Depends(notification)], transaction: InTransaction) -> Response:
    """Take a notification: `payment.*` and `refund.*` have the provider asked; 200 for everything else, too, so that
    it is not sent again."""
    if notified.about == "payment":
        await paying.hint(transaction, provider=NAME, their_id=notified.object.id, our_id=notified.our_payment_id)
    elif notified.about == "refund":
        await refunding.hint(transaction, their_id=notified.object.id)
    return Response(status_code=200)


@router.post(
    "/stripe",
    dependencies=[public("the provider has no token; its signature is checked")],
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def from_stripe(
    notified: Annotated[stripe_events.Notification, Depends(signed)], transaction: InTransaction
) -> Response:
    """Take a signed event: of sessions, intents, refunds and disputes have the provider asked; 200 for everything
    else, too."""
    changed = notified.data.object
    if notified.about == "payment":
        await paying.hint(transaction, provider=stripe.NAME, their_id=changed.id, our_id=notified.our_payment_id)
    elif notified.about == "refund":
        await refunding.hint(transaction, their_id=changed.id, may_bounce=True)
    elif notified.about == "dispute":
        await disputes.hint(transaction, provider=stripe.NAME, number=changed.id)
    return Response(status_code=200)
