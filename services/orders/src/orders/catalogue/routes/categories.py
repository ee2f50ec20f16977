"""Groups of offerings, as the customer app shows them."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field

from .. import store, use_cases
from ..domain import Category, Text
from .shapes import CONFIGURERS, READERS, Title, Url

router = APIRouter(prefix="/v1", tags=["catalogue"])


class CategoryName(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ru: Title
    en: Title | None = None


class CategoryIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: CategoryName
    background: Url | None = Field(default=None, description="#rrggbb, or the https address of a picture")
    icon: Url | None = Field(default=None, description="name of an icon, or the https address of a picture")
    position: int = Field(default=0, ge=-1_000_000, le=1_000_000, description="shown in ascending order of it")
    active: bool = True

    def values(self) -> dict[str, Any]:
        return {**dict(self), "name": Text(self.name.ru, self.name.en)}


class CategoryOut(CategoryIn):
    id: UUID
    title: str = Field(description="the name in the caller's language")
    version: int

    @classmethod
    def of(cls, category: Category, locale: str) -> Self:
        return cls(
            id=category.id,
            name=CategoryName(ru=category.name.ru, en=category.name.en),
            title=category.name.of(locale),
            background=category.background,
            icon=category.icon,
            position=category.position,
            active=category.active,
            version=category.version,
        )


class CategoryPage(BaseModel):
    items: list[CategoryOut]
    next: UUID | None


@router.get("/categories", dependencies=[READERS])
async def list_categories(
    reading: Reading,
    caller: CurrentCaller,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    after: UUID | None = None,
) -> CategoryPage:
    """In the order in which they are shown. Customers see active ones, staff all."""
    found = await store.categories_page(reading, inactive_too=caller.is_staff, after=after, limit=limit)
    items = [CategoryOut.of(category, caller.locale) for category in found]
    return CategoryPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/categories/{category_id}", dependencies=[READERS])
async def get_category(category_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> CategoryOut:
    category = await store.category_by_id(reading, category_id)
    if category is None or not (category.active or caller.is_staff):
        raise NotFoundError
    response.headers["ETag"] = etag(category.version)
    return CategoryOut.of(category, caller.locale)


@router.post("/categories", status_code=201, response_model=CategoryOut, dependencies=[CONFIGURERS])
async def create_category(body: CategoryIn, caller: CurrentCaller, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        category = await use_cases.create_category(transaction, **body.values())
        headers = {"Location": f"/v1/categories/{category.id}", "ETag": etag(category.version)}
        return Answer(CategoryOut.of(category, caller.locale), 201, headers)

    return await once.run(command)


@router.put("/categories/{category_id}", dependencies=[CONFIGURERS])
async def change_category(
    category_id: UUID,
    body: CategoryIn,
    caller: CurrentCaller,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> CategoryOut:
    category = await use_cases.change_category(
        transaction, category_id, if_version=version_of(if_match), **body.values()
    )
    response.headers["ETag"] = etag(category.version)
    return CategoryOut.of(category, caller.locale)


@router.delete("/categories/{category_id}", status_code=204, dependencies=[CONFIGURERS])
async def delete_category(
    category_id: UUID, transaction: InTransaction, if_match: Annotated[str | None, Header()] = None
) -> None:
    """Only while no offering is in it."""
    await use_cases.delete_category(transaction, category_id, if_version=version_of(if_match))
