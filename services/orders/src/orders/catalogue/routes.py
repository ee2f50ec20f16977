"""The catalogue: everybody who is signed in reads it, administrators change it."""

from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field

from . import store, use_cases
from .domain import Kind, Offering, Terms

router = APIRouter(prefix="/v1", tags=["catalogue"])

_READERS = requires("orders:place", "orders:read_all", "orders:configure")


class OfferingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=200)
    prepaid: bool = True
    customer_may_cancel: bool = True
    responsible_ids: list[UUID] = Field(default=[], max_length=50, description="staff who are told of its orders")
    resource_ids: list[UUID] = Field(default=[], max_length=500, description="empty: every resource")
    active: bool = True

    def values(self) -> dict[str, object]:
        return {
            "title": self.title,
            "terms": Terms.PREPAID if self.prepaid else Terms.POSTPAID,
            "customer_may_cancel": self.customer_may_cancel,
            "active": self.active,
            "responsible_ids": tuple(self.responsible_ids),
            "resource_ids": tuple(self.resource_ids),
        }


class NewOffering(OfferingIn):
    kind: Literal["slot_booking"]


class OfferingOut(NewOffering):
    id: UUID
    version: int

    @classmethod
    def of(cls, offering: Offering) -> Self:
        return cls(
            id=offering.id,
            kind="slot_booking",
            title=offering.title,
            prepaid=offering.prepaid,
            customer_may_cancel=offering.customer_may_cancel,
            responsible_ids=list(offering.responsible_ids),
            resource_ids=list(offering.resource_ids),
            active=offering.active,
            version=offering.version,
        )


class OfferingPage(BaseModel):
    items: list[OfferingOut]
    next: UUID | None


@router.post("/offerings", status_code=201, response_model=OfferingOut, dependencies=[requires("orders:configure")])
async def create_offering(body: NewOffering, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        offering = await use_cases.create_offering(transaction, **body.values(), kind=Kind(body.kind))
        headers = {"Location": f"/v1/offerings/{offering.id}", "ETag": etag(offering.version)}
        return Answer(OfferingOut.of(offering), 201, headers)

    return await once.run(command)


@router.get("/offerings", dependencies=[_READERS])
async def list_offerings(
    reading: Reading,
    caller: CurrentCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: UUID | None = None,
) -> OfferingPage:
    """Customers see what can be ordered, staff also what cannot."""
    found = await store.offerings_page(reading, inactive_too=caller.is_staff, after=after, limit=limit)
    items = [OfferingOut.of(offering) for offering in found]
    return OfferingPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/offerings/{offering_id}", dependencies=[_READERS])
async def get_offering(offering_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> OfferingOut:
    offering = await store.offering_by_id(reading, offering_id)
    if offering is None or not (offering.active or caller.is_staff):
        raise NotFoundError
    response.headers["ETag"] = etag(offering.version)
    return OfferingOut.of(offering)


@router.put("/offerings/{offering_id}", dependencies=[requires("orders:configure")])
async def change_offering(
    offering_id: UUID,
    body: OfferingIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> OfferingOut:
    offering = await use_cases.change_offering(
        transaction,
        offering_id,
        if_version=version_of(if_match),
        **body.values(),
    )
    response.headers["ETag"] = etag(offering.version)
    return OfferingOut.of(offering)
