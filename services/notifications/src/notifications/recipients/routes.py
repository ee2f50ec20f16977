"""How the caller is reached: contact and devices."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, Field

from . import store, use_cases
from .domain import LONGEST_URL, DeviceKind, Recipient, Subscription

router = APIRouter(prefix="/v1", tags=["recipients"], dependencies=[requires("notifications:own")])

DeviceToken = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9_:.\-]{8,4096}$",
        description="of the app on this device: FCM's, RuStore's, or with `kind=ios` Apple's in hexadecimal digits",
    ),
]
AppKind = Literal["fcm", "rustore", "ios"]


class MeOut(BaseModel):
    """The caller as notifications knows them."""

    person_id: UUID
    name: str
    locale: Literal["ru", "en"]
    email: str | None
    phone: str | None

    @classmethod
    def of(cls, person: Recipient) -> "MeOut":
        return cls(person_id=person.id, name=person.name, locale=person.locale, email=person.email, phone=person.phone)


@router.get("/me")
async def me(reading: Reading, caller: CurrentCaller) -> MeOut:
    """Name, language and contact that the caller's notifications go to; 404 while nothing is known of them."""
    person = await store.recipient(reading, caller.id)
    if person is None:
        raise NotFoundError
    return MeOut.of(person)


@router.put("/me")
async def introduce_me(transaction: InTransaction, caller: CurrentCaller) -> MeOut:
    """Take name, language and contact from the caller's token."""
    return MeOut.of(await use_cases.introduce(transaction, caller))


@router.put("/devices/{token}", status_code=204)
async def register_device(
    token: DeviceToken,
    transaction: InTransaction,
    caller: CurrentCaller,
    kind: AppKind = "fcm",
) -> Response:
    """Push messages for the caller go to this device too. A device serves whoever registered it last."""
    await use_cases.register_device(transaction, caller, token, DeviceKind(kind))
    return Response(status_code=204)


@router.delete("/devices/{token}", status_code=204)
async def unregister_device(token: DeviceToken, transaction: InTransaction, caller: CurrentCaller) -> Response:
    """No more push messages for the caller go to this device."""
    await use_cases.unregister_device(transaction, caller, token)
    return Response(status_code=204)


class WebPushOut(BaseModel):
    """What a browser subscribes with: `pushManager.subscribe({userVisibleOnly: true, applicationServerKey})`."""

    application_server_key: str = Field(description="VAPID's public key (RFC 8292), base64url")


class SubscriptionKeys(BaseModel):
    p256dh: str = Field(max_length=128)
    auth: str = Field(max_length=64)


class SubscriptionIn(BaseModel):
    """A browser's `PushSubscription.toJSON()`; what else is in it is not needed."""

    endpoint: str = Field(max_length=LONGEST_URL, description="https, a public host name")
    keys: SubscriptionKeys


class EndpointIn(BaseModel):
    endpoint: str = Field(max_length=LONGEST_URL)


@router.get("/web-push")
async def web_push(request: Request) -> WebPushOut:
    """The key that browsers subscribe with; 404 where Web Push is not set up."""
    key: str | None = request.app.state.application_server_key
    if key is None:
        raise NotFoundError
    return WebPushOut(application_server_key=key)


@router.put("/web-push", status_code=204)
async def subscribe_browser(
    body: SubscriptionIn, request: Request, transaction: InTransaction, caller: CurrentCaller
) -> Response:
    """Push messages for the caller go to this browser too, as to any device. It serves whoever subscribed last."""
    await use_cases.subscribe_browser(
        transaction,
        caller,
        Subscription(body.endpoint, body.keys.p256dh, body.keys.auth),
        allow_http=request.app.state.settings.web_push_to_private_networks,
    )
    return Response(status_code=204)


@router.post("/web-push/unsubscribe", status_code=204)
async def unsubscribe_browser(body: EndpointIn, transaction: InTransaction, caller: CurrentCaller) -> Response:
    """No more push messages for the caller go to this browser. A body, because an endpoint is nobody else's business
    and addresses are logged on the way."""
    await use_cases.unregister_device(transaction, caller, body.endpoint)
    return Response(status_code=204)
