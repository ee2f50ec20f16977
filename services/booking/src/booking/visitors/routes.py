"""Visitors, for the desk."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field

from . import store, use_cases
from .domain import Visitor

router = APIRouter(prefix="/v1", tags=["visitors"])

_DESK = requires("booking:passes")


class VisitorIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    phone: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164")] | None = None
    barcode: str | None = Field(default=None, min_length=4, max_length=40, pattern=r"^[0-9A-Za-z-]+$")
    customer_id: UUID | None = Field(default=None, description="who they are when they sign in")


class VisitorOut(VisitorIn):
    id: UUID
    version: int

    @classmethod
    def of(cls, visitor: Visitor) -> Self:
        return cls(
            id=visitor.id,
            name=visitor.name,
            phone=visitor.phone,
            barcode=visitor.barcode,
            customer_id=visitor.customer_id,
            version=visitor.version,
        )


class VisitorPage(BaseModel):
    items: list[VisitorOut]
    next: UUID | None


@router.get("/visitors", dependencies=[_DESK])
async def list_visitors(
    transaction: InTransaction,
    caller: CurrentCaller,
    q: Annotated[
        str | None, Query(min_length=2, max_length=100, pattern=r"^[^\x00]*$", description="name, phone or barcode")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: UUID | None = None,
) -> VisitorPage:
    """Searching is counted: sixty times a minute for each member of staff."""
    found = await use_cases.search(transaction, caller.id, query=q, after=after, limit=limit)
    items = [VisitorOut.of(item) for item in found]
    return VisitorPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/visitors", status_code=201, response_model=VisitorOut, dependencies=[_DESK])
async def add_visitor(body: VisitorIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        visitor = await use_cases.add_visitor(transaction, **dict(body))
        return Answer(VisitorOut.of(visitor), 201, {"ETag": etag(visitor.version)})

    return await once.run(command)


@router.get("/visitors/{visitor_id}", dependencies=[_DESK])
async def get_visitor(visitor_id: UUID, reading: Reading, response: Response) -> VisitorOut:
    visitor = await store.visitor_by_id(reading, visitor_id)
    if visitor is None:
        raise NotFoundError
    response.headers["ETag"] = etag(visitor.version)
    return VisitorOut.of(visitor)


@router.put("/visitors/{visitor_id}", dependencies=[_DESK])
async def change_visitor(
    visitor_id: UUID,
    body: VisitorIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> VisitorOut:
    visitor = await use_cases.change_visitor(transaction, visitor_id, **dict(body), if_version=version_of(if_match))
    response.headers["ETag"] = etag(visitor.version)
    return VisitorOut.of(visitor)
