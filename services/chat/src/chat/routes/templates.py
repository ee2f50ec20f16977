"""Ready-made texts that staff write with."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, Field, StringConstraints

from ..domain.templates import Template
from ..store import templates as store
from ..use_cases import templates as use_cases
from .conversations import Text

router = APIRouter(prefix="/v1/templates", tags=["templates"])
STAFF = [requires("orders:edit", "chat:clients")]
CONFIGURE = [requires("orders:configure")]
IfMatch = Annotated[str | None, Header()]


class TemplateIn(BaseModel):
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    text: Text


class TemplateOut(TemplateIn):
    id: UUID
    version: int = Field(description="for If-Match")

    @classmethod
    def of(cls, template: Template) -> "TemplateOut":
        return cls(id=template.id, title=template.title, text=template.text, version=template.version)


class TemplatePage(BaseModel):
    items: list[TemplateOut]
    next: UUID | None = Field(description="pass it as `after` for the next page; null on the last one")


@router.get("", dependencies=STAFF)
async def templates(
    reading: Reading, after: UUID | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 100
) -> TemplatePage:
    """Ready-made texts, oldest first."""
    items = [TemplateOut.of(found) for found in await store.page(reading, after=after, limit=limit)]
    return TemplatePage(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("", dependencies=CONFIGURE, status_code=201, response_model=TemplateOut)
async def add_template(body: TemplateIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        made = await use_cases.add(transaction, title=body.title, text=body.text)
        return Answer(TemplateOut.of(made), 201, {"ETag": etag(made.version)})

    return await once.run(command)


@router.put("/{template_id}", dependencies=CONFIGURE)
async def change_template(
    template_id: UUID, body: TemplateIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> TemplateOut:
    changed = await use_cases.change(
        transaction, template_id, title=body.title, text=body.text, version=version_of(if_match)
    )
    response.headers["ETag"] = etag(changed.version)
    return TemplateOut.of(changed)


@router.delete("/{template_id}", dependencies=CONFIGURE, status_code=204)
async def remove_template(template_id: UUID, transaction: InTransaction) -> Response:
    """Gone, also when it was gone already."""
    await use_cases.remove(transaction, template_id)
    return Response(status_code=204)
