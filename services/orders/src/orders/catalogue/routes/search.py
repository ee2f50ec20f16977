"""Search over the catalogue (B25)."""

import re
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from foyer_chassis.auth import CurrentCaller
from foyer_chassis.errors import InvalidError
from foyer_chassis.http import InTransaction
from foyer_contracts.money import Money
from pydantic import BaseModel, Field

from .. import store
from ..domain import Kind
from .shapes import READERS

router = APIRouter(prefix="/v1", tags=["catalogue"])

_CURSOR = re.compile(r"(title|stems|likeness)~(\d\.?\d{0,6})~([0-9a-f-]{36})\Z")


class BadCursorError(InvalidError):
    """`after` is the `next` of an earlier page."""

    title_en = "No such page"
    title_ru = "Нет такой страницы"


class FoundOut(BaseModel):
    """An offering in a list, in the caller's language."""

    id: UUID
    kind: Kind
    title: str
    short_text: str
    cover_url: str | None
    category_id: UUID | None
    legal_entity_id: UUID | None
    min_price: Money | None = Field(description="its price, or that of its cheapest goods or place")
    price_is_from: bool = Field(description="`min_price` is the least it can be, not what everybody pays")
    active: bool

    @classmethod
    def of(cls, found: store.Found, locale: str) -> Self:
        english = locale == "en"
        return cls(
            id=found.id,
            kind=Kind(found.kind),
            title=(english and found.title_en) or found.title,
            short_text=(english and found.short_text_en) or found.short_text,
            cover_url=found.cover_url,
            category_id=found.category_id,
            legal_entity_id=found.legal_entity_id,
            min_price=found.min_price,
            price_is_from=found.price_is_from,
            active=found.active,
        )


class FoundPage(BaseModel):
    items: list[FoundOut]
    next: str | None = Field(description="`after` of the next page")


@router.get("/catalogue/search", dependencies=[READERS])
async def search_catalogue(
    transaction: InTransaction,
    caller: CurrentCaller,
    q: Annotated[str | None, Query(max_length=200, description="words; without: everything, by title")] = None,
    category_id: UUID | None = None,
    kind: Kind | None = None,
    location_id: UUID | None = None,
    legal_entity_id: UUID | None = None,
    inactive_too: Annotated[bool, Query(description="for staff: also what cannot be ordered")] = False,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
    after: Annotated[str | None, Query(max_length=80)] = None,
) -> FoundPage:
    """Offerings by the words of their names, short texts and forms, and of their goods; the best match first.

    Words are found in any form (Russian and English); where nothing has them, what is written most alike.
    """
    wanted = store.Wanted(
        text=q if q is not None and q.strip() else None,
        category_id=category_id,
        kind=kind.value if kind else None,
        location_id=location_id,
        owner_id=legal_entity_id,
        inactive_too=inactive_too and caller.is_staff,
    )
    found = await store.search_offerings(transaction, wanted, after=_cursor(after, wanted), limit=limit)
    last = found[-1].cursor if len(found) == limit else None
    return FoundPage(
        items=[FoundOut.of(one, caller.locale) for one in found],
        next=f"{last.by}~{last.rank}~{last.id}" if last else None,
    )


def _cursor(text: str | None, wanted: store.Wanted) -> store.Cursor | None:
    if text is None:
        return None
    parts = _CURSOR.match(text)
    if parts is None or (parts[1] == "title") != (wanted.text is None):
        raise BadCursorError(field="after")
    try:
        return store.Cursor(parts[1], parts[2], UUID(parts[3]))
    except ValueError:
        raise BadCursorError(field="after") from None
