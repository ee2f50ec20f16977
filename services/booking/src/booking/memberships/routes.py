"""Membership types, groups and passes, for the desk; and what a customer sees of their own."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.ids import new_id
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from . import store, use_cases
from .domain import MembershipType, Pass

router = APIRouter(prefix="/v1", tags=["memberships"])

_DESK = requires("booking:passes")
_CONFIGURE = requires("booking:configure")
_READ = requires("booking:read")
IfMatch = Annotated[str | None, Header()]
Limit = Annotated[int, Query(ge=1, le=100)]
Many = Annotated[int, Query(ge=1, le=500)]
After = Annotated[UUID | None, Query(description="`next` of the page before")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GroupIn(_Strict):
    title: str = Field(min_length=1, max_length=200)


class GroupOut(GroupIn):
    id: UUID


class GroupList(BaseModel):
    items: list[GroupOut]
    next: UUID | None


class TypeIn(_Strict):
    title: str = Field(min_length=1, max_length=200)
    permanent: bool = Field(default=True, description="sold at any time; only such can be sold online (D1)")
    visits: int | None = Field(default=None, ge=1, le=10_000, description="null: as many as one likes")
    valid_days: int | None = Field(default=None, ge=1, le=3650, description="from the day it is attached; null: no end")
    group_ids: list[UUID] = Field(default=[], max_length=100, description="what it opens; empty: every group")
    active: bool = True


class TypeOut(TypeIn):
    id: UUID
    version: int

    @classmethod
    def of(cls, item: MembershipType) -> Self:
        return cls(
            id=item.id,
            title=item.title,
            permanent=item.permanent,
            visits=item.visits,
            valid_days=item.valid_days,
            group_ids=list(item.group_ids),
            active=item.active,
            version=item.version,
        )


class TypeList(BaseModel):
    items: list[TypeOut]
    next: UUID | None


class PassOut(BaseModel):
    id: UUID
    number: int = Field(description="on its barcode")
    title: str
    status: Literal["issued", "activated", "attached", "withdrawn"]
    order_id: UUID | None
    buyer_id: UUID
    visits_left: int | None
    valid_days: int | None
    group_ids: list[UUID]
    visitor_id: UUID | None
    valid_from: datetime | None
    valid_until: datetime | None
    frozen_until: datetime | None
    version: int

    @classmethod
    def of(cls, item: Pass) -> Self:
        return cls(
            **{name: getattr(item, name) for name in cls.model_fields if name not in ("status", "group_ids")},
            status=item.status.value,
            group_ids=list(item.group_ids),
        )


class PassPage(BaseModel):
    items: list[PassOut]
    next: UUID | None


class CodeIn(_Strict):
    code: str = Field(min_length=1, max_length=40, description="as on the mail; case and dashes do not matter")


class AttachIn(_Strict):
    visitor_id: UUID
    group_ids: list[UUID] | None = Field(default=None, max_length=100, description="else all that its type opens")
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None


@router.get("/groups", dependencies=[_READ])
async def list_groups(reading: Reading, limit: Many = 500, after: After = None) -> GroupList:
    """By title."""
    found = await store.groups_page(reading, after=after, limit=limit)
    items = [GroupOut(id=row["id"], title=row["title"]) for row in found]
    return GroupList(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/groups", status_code=201, response_model=GroupOut, dependencies=[_CONFIGURE])
async def add_group(body: GroupIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        id_ = new_id()
        await store.add_group(transaction, id_, body.title)
        return Answer(GroupOut(id=id_, title=body.title), 201)

    return await once.run(command)


@router.get("/membership-types", dependencies=[_READ])
async def list_types(reading: Reading, limit: Many = 500, after: After = None) -> TypeList:
    """By title."""
    items = [TypeOut.of(item) for item in await store.types_page(reading, after=after, limit=limit)]
    return TypeList(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/membership-types", status_code=201, response_model=TypeOut, dependencies=[_CONFIGURE])
async def add_type(body: TypeIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        values = {**dict(body), "group_ids": tuple(body.group_ids)}
        item = MembershipType(**values, id=new_id(), version=1)
        await use_cases.save_type(transaction, item, if_version=None)
        return Answer(TypeOut.of(item), 201, {"ETag": etag(item.version)})

    return await once.run(command)


@router.put("/membership-types/{type_id}", dependencies=[_CONFIGURE])
async def change_type(
    type_id: UUID, body: TypeIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> TypeOut:
    """Passes that were sold keep what they were sold with."""
    values = {**dict(body), "group_ids": tuple(body.group_ids)}
    item = MembershipType(**values, id=type_id, version=1)
    saved = await use_cases.save_type(transaction, item, if_version=version_of(if_match))
    response.headers["ETag"] = etag(saved.version)
    return TypeOut.of(saved)


@router.get("/passes", dependencies=[_DESK])
async def list_passes(
    reading: Reading,
    number: Annotated[
        int | None, Query(ge=1, le=2**62, description="of the barcode: that one, whatever its state")
    ] = None,
    visitor_id: UUID | None = None,
    limit: Limit = 50,
    after: UUID | None = None,
) -> PassPage:
    """Those not attached yet, the newest first; or a visitor's; or the one with this number (D6)."""
    if number is not None:
        found = await store.pass_by_number(reading, number)
        return PassPage(items=[] if found is None else [PassOut.of(found)], next=None)
    items = [PassOut.of(item) for item in await store.page(reading, after=after, limit=limit, visitor_id=visitor_id)]
    return PassPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/passes/mine", dependencies=[requires("booking:own")])
async def list_my_passes(
    reading: Reading, caller: CurrentCaller, limit: Limit = 50, after: UUID | None = None
) -> PassPage:
    items = [PassOut.of(item) for item in await store.page(reading, after=after, limit=limit, buyer_id=caller.id)]
    return PassPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/passes/{pass_id}", dependencies=[_DESK])
async def get_pass(pass_id: UUID, reading: Reading, response: Response) -> PassOut:
    item = await store.pass_by_id(reading, pass_id)
    if item is None:
        raise NotFoundError
    response.headers["ETag"] = etag(item.version)
    return PassOut.of(item)


@router.post("/passes/activate", response_model=PassOut, dependencies=[_DESK])
async def activate(body: CodeIn, request: Request, caller: CurrentCaller, once: OncePerKey) -> Response:
    """Activate a membership by its code (D5). A code works once; ten wrong ones in an hour, and one has to wait."""

    async def command(transaction: Transaction) -> Answer:
        item = await use_cases.activate(transaction, request.app.state.database, caller.id, body.code)
        return Answer(PassOut.of(item), 200, {"ETag": etag(item.version)})

    return await once.run(command)
