"""The directory of statuses: everybody who is signed in reads it, administrators change it."""

from typing import Annotated, Self

from fastapi import APIRouter, Header, Path, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..catalogue.domain import Kind, Text
from ..catalogue.domain.texts import CODE_PATTERN, COLOUR_PATTERN
from . import store, use_cases
from .domain import Group, StatusEntry

router = APIRouter(prefix="/v1", tags=["statuses"])

_READERS = requires("orders:place", "orders:read_own", "orders:read_all", "orders:read_assigned", "orders:configure")

Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Colour = Annotated[str, StringConstraints(pattern=COLOUR_PATTERN)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00]+$")]


class NameIn(BaseModel):
    """What people call the status, in both languages."""

    model_config = ConfigDict(extra="forbid")

    ru: Name
    en: Name

    def to_text(self) -> Text:
        return Text(self.ru, self.en)


class StatusIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: NameIn
    colour: Colour = Field(description="#rrggbb")
    position: int = Field(default=1000, ge=0, le=100_000, description="statuses are shown in ascending order of it")
    active: bool = Field(default=True, description="can be chosen; orders that have it keep it")


class NewStatus(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Code
    group: Group
    kinds: list[Kind] = Field(min_length=1, max_length=len(Kind), description="kinds of order that can have it")
    stands_for: Code | None = Field(
        default=None, description="the built-in status that it refines; needed where the group has several"
    )
    name: NameIn
    colour: Colour
    position: int = Field(default=1000, ge=0, le=100_000)


class StatusOut(BaseModel):
    code: str
    group: Group
    kinds: list[str]
    stands_for: str = Field(description="the built-in status whose rules it has; itself, for a built-in one")
    built_in: bool
    name: NameIn
    title: str = Field(description="the name in the caller's language")
    colour: str
    position: int
    active: bool
    version: int

    @classmethod
    def of(cls, entry: StatusEntry, locale: str) -> Self:
        return cls.model_validate(
            {
                "code": entry.code,
                "group": entry.group,
                "kinds": sorted(entry.kinds),
                "stands_for": entry.stands_for,
                "built_in": entry.built_in,
                "name": {"ru": entry.name.ru, "en": entry.name.of("en")},
                "title": entry.name.of(locale),
                "colour": entry.colour,
                "position": entry.position,
                "active": entry.active,
                "version": entry.version,
            }
        )


class StatusList(BaseModel):
    """All of them: there are at most 200."""

    items: list[StatusOut]


@router.get("/statuses", dependencies=[_READERS])
async def list_statuses(
    reading: Reading, caller: CurrentCaller, group: Group | None = None, kind: Kind | None = None
) -> StatusList:
    """In the order in which they are shown; inactive ones too, since orders may still have them."""
    directory = await store.read_directory(reading)
    return StatusList(
        items=[
            StatusOut.of(entry, caller.locale)
            for entry in directory.entries
            if group in {None, entry.group} and (kind is None or kind in entry.kinds)
        ]
    )


@router.post("/statuses", status_code=201, response_model=StatusOut, dependencies=[requires("orders:configure")])
async def add_status(body: NewStatus, caller: CurrentCaller, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        entry = await use_cases.add_status(
            transaction,
            code=body.code,
            group=body.group,
            kinds=[kind.value for kind in body.kinds],
            stands_for=body.stands_for,
            name=body.name.to_text(),
            colour=body.colour,
            position=body.position,
        )
        headers = {"Location": f"/v1/statuses/{entry.code}", "ETag": etag(entry.version)}
        return Answer(StatusOut.of(entry, caller.locale), 201, headers)

    return await once.run(command)


@router.put("/statuses/{code}", dependencies=[requires("orders:configure")])
async def change_status(
    code: Annotated[str, Path(pattern=CODE_PATTERN)],
    body: StatusIn,
    caller: CurrentCaller,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> StatusOut:
    """Rename, recolour, move, switch off or on."""
    entry = await use_cases.change_status(
        transaction,
        code,
        name=body.name.to_text(),
        colour=body.colour,
        position=body.position,
        active=body.active,
        if_version=version_of(if_match),
    )
    response.headers["ETag"] = etag(entry.version)
    return StatusOut.of(entry, caller.locale)
