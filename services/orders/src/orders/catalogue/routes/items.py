"""The goods of a shop's offering."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from pydantic import BaseModel, ConfigDict, Field

from .. import store, use_cases
from ..domain import GoodsItem
from .shapes import CONFIGURERS, READERS, Price, Sku, Title

router = APIRouter(prefix="/v1/offerings/{offering_id}", tags=["catalogue"])

MOST_IMPORTED = 2000


class ItemIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: Sku = Field(description="unique within the offering")
    title: Title
    title_en: Title | None = None
    price: Price
    active: bool = True

    def values(self) -> dict[str, Any]:
        return dict(self)


class ItemOut(BaseModel):
    id: UUID
    offering_id: UUID
    sku: str
    title: str
    title_en: str | None
    price: Money
    active: bool
    version: int

    @classmethod
    def of(cls, item: GoodsItem) -> Self:
        return cls(**{name: getattr(item, name) for name in cls.model_fields})


class ItemPage(BaseModel):
    items: list[ItemOut]
    next: UUID | None


class ImportIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[ItemIn] = Field(min_length=1, max_length=MOST_IMPORTED)


class ImportOut(BaseModel):
    added: int
    changed: int
    unchanged: int


@router.get("/items", dependencies=[READERS])
async def list_items(
    offering_id: UUID,
    reading: Reading,
    caller: CurrentCaller,
    q: Annotated[str | None, Query(max_length=200, description="words of title or SKU")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: UUID | None = None,
) -> ItemPage:
    """Customers see what can be ordered, staff also what cannot."""
    await use_cases.visible_offering(reading, caller, offering_id)
    found = await store.items_page(reading, offering_id, text=q, inactive_too=caller.is_staff, after=after, limit=limit)
    items = [ItemOut.of(item) for item in found]
    return ItemPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/items/{item_id}", dependencies=[READERS])
async def get_item(
    offering_id: UUID, item_id: UUID, reading: Reading, caller: CurrentCaller, response: Response
) -> ItemOut:
    await use_cases.visible_offering(reading, caller, offering_id)
    item = (await store.goods_items(reading, offering_id, [item_id])).get(item_id)
    if item is None or not (item.active or caller.is_staff):
        raise NotFoundError
    response.headers["ETag"] = etag(item.version)
    return ItemOut.of(item)


@router.post("/items", status_code=201, response_model=ItemOut, dependencies=[CONFIGURERS])
async def add_item(offering_id: UUID, body: ItemIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        item = await use_cases.add_item(transaction, offering_id, **body.values())
        headers = {"Location": f"/v1/offerings/{offering_id}/items/{item.id}", "ETag": etag(item.version)}
        return Answer(ItemOut.of(item), 201, headers)

    return await once.run(command)


@router.post("/items/import", response_model=ImportOut, dependencies=[CONFIGURERS])
async def import_items(offering_id: UUID, body: ImportIn, once: OncePerKey) -> Response:
    """Add the items whose SKU is new and change the others; what is not named stays. All of it or nothing."""

    async def command(transaction: Transaction) -> Answer:
        added, changed = await use_cases.import_items(transaction, offering_id, [item.values() for item in body.items])
        return Answer(ImportOut(added=added, changed=changed, unchanged=len(body.items) - added - changed))

    return await once.run(command)


@router.put("/items/{item_id}", dependencies=[CONFIGURERS])
async def change_item(
    offering_id: UUID,
    item_id: UUID,
    body: ItemIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> ItemOut:
    item = await use_cases.change_item(
        transaction, offering_id, item_id, if_version=version_of(if_match), **body.values()
    )
    response.headers["ETag"] = etag(item.version)
    return ItemOut.of(item)
