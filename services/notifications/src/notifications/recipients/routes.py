"""How the caller is reached: contact and devices."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel

from . import store, use_cases
from .domain import Recipient

router = APIRouter(prefix="/v1", tags=["recipients"], dependencies=[requires("notifications:own")])

DeviceToken = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_:.\-]{8,4096}$", description="FCM registration token of the app on this device")
]


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
async def register_device(token: DeviceToken, transaction: InTransaction, caller: CurrentCaller) -> Response:
    """Push messages for the caller go to this device too. A device serves whoever registered it last."""
    await use_cases.register_device(transaction, caller, token)
    return Response(status_code=204)


@router.delete("/devices/{token}", status_code=204)
async def unregister_device(token: DeviceToken, transaction: InTransaction, caller: CurrentCaller) -> Response:
    """No more push messages for the caller go to this device."""
    await use_cases.unregister_device(transaction, caller, token)
    return Response(status_code=204)
