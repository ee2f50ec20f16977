"""Notifications of payment providers: hints that something happened, never the news itself.

Nothing in one is believed: it only makes the worker ask the provider sooner. Who may send one is what its provider
says: known by address, or by signature.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from foyer_chassis import log
from foyer_chassis.auth import public
from foyer_chassis.db import Database
from foyer_chassis.errors import BadRequestError, ForbiddenError
from foyer_chassis.http import InTransaction

from ..disputes import use_cases as disputes
from ..paying import use_cases as paying
from ..refunding import use_cases as refunding
from . import Network, Notification, Provider, Webhook

LONGEST_BODY_BYTES = 64 * 1024

_logger = log.get(__name__)


class WebhookSenderError(ForbiddenError):
    """Only the payment provider may call this: from its own addresses, or with its signature."""


class WebhookBodyError(BadRequestError):
    """This is not a notification of the payment provider."""


def router(
    providers: Iterable[tuple[Provider[Any], Webhook]], *, trusted_proxies: tuple[Network, ...] = ()
) -> APIRouter:
    """`POST /v1/webhooks/<name>` of each."""
    made = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
    for provider, webhook in providers:
        _add(made, provider, webhook, trusted_proxies)
    return made


def _add(made: APIRouter, provider: Provider[Any], webhook: Webhook, trusted_proxies: tuple[Network, ...]) -> None:
    async def notification(request: Request) -> Notification:
        if webhook.networks is not None and not _among(sender(request, trusted_proxies), webhook.networks):
            _logger.warning("webhook_from_stranger", provider=provider.name, address=sender(request, trusted_proxies))
            raise WebhookSenderError
        body = await _body(request)
        database: Database = request.app.state.database
        if webhook.is_signed is not None and not webhook.is_signed(dict(request.headers), body, database.now()):
            _logger.warning("webhook_not_signed", provider=provider.name)
            raise WebhookSenderError
        try:
            return webhook.read(body)
        except ValueError:
            raise WebhookBodyError from None

    async def notify(notified: Annotated[Notification, Depends(notification)], transaction: InTransaction) -> Response:
        if notified.about == "payment":
            await paying.hint(
                transaction, provider=provider.name, their_id=notified.their_id, our_id=notified.our_payment_id
            )
        elif notified.about == "refund":
            may_bounce = bool(provider.refunds_fail_within)
            await refunding.hint(transaction, their_id=notified.their_id, may_bounce=may_bounce)
        elif notified.about == "dispute":
            await disputes.hint(transaction, provider=provider.name, number=notified.their_id)
        return Response(status_code=200)

    made.add_api_route(
        f"/{provider.name}",
        notify,
        methods=["POST"],
        name=f"{provider.name}_webhook",
        summary=f"A notification of {provider.name}",
        description="The provider is asked about what it names; 200 for everything else, too, so that it is not sent "
        f"again. {webhook.checked_by[:1].upper()}{webhook.checked_by[1:]}.",
        dependencies=[public(f"the provider has no token; {webhook.checked_by}")],
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
        },
    )


def sender(request: Request, trusted_proxies: tuple[Network, ...]) -> str | None:
    """The address of who really sent the request: the direct peer or, where that is a trusted proxy, whom it names.

    The gateway names it in a header of its own, and drops such a header of anybody else. Other proxies: of
    `X-Forwarded-For` only the last address counts, which the proxy itself added; those before it are the sender's
    own claim.
    """
    peer = request.client.host if request.client else None
    if not _among(peer, trusted_proxies):
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


async def _body(request: Request) -> bytes:
    """Raises WebhookBodyError: too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY_BYTES:
            raise WebhookBodyError(f"The body is longer than {LONGEST_BODY_BYTES} bytes.")
    return bytes(body)
