"""Calendar feeds, which are read by programs that cannot sign in, and free and busy times for everybody (X5)."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from foyer_chassis.auth import CurrentCaller, public, requires
from foyer_chassis.errors import ForbiddenError
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, ConfigDict, Field

from . import export, store, use_cases
from .domain import CalendarSubjectError, Feed, Subject

router = APIRouter(prefix="/v1", tags=["calendars"])

_ANYBODY = requires("booking:own", "booking:read_all")
_CONFIGURE = requires("booking:configure")
_FIRST_ID = UUID(int=0)
#: How far ahead free and busy times are told; from the beginning of the present hour, so that answers can be kept.
BUSY_AHEAD = timedelta(days=62)
#: The kind of order whose staff see what a thing's bookings are.
KINDS = {Subject.RESOURCE: "slot_booking", Subject.SPACE: "coworking", Subject.ROOM_TYPE: "hotel"}

IfNoneMatch = Annotated[str | None, Header(description="304 when nothing changed since that ETag")]


class NewCalendar(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: Literal["mine", "resource", "space", "room_type"] = Field(
        description="one's own bookings of every kind; or those of one thing, for staff"
    )
    thing_id: UUID | None = Field(default=None, description="which resource, space or room type")
    title: str | None = Field(default=None, min_length=1, max_length=200, description="as calendar programs show it")


class CalendarOut(BaseModel):
    id: UUID
    subject: Literal["mine", "resource", "space", "room_type"]
    thing_id: UUID | None
    owner_id: UUID
    title: str
    created_at: datetime

    @classmethod
    def of(cls, feed: Feed) -> Self:
        values = {name: getattr(feed, name) for name in cls.model_fields if hasattr(feed, name)}
        return cls.model_validate({**values, "subject": feed.subject.value})


class CreatedCalendar(CalendarOut):
    url: str = Field(description="the secret address, shown here alone: whoever has it reads the calendar")


class CalendarPage(BaseModel):
    items: list[CalendarOut]
    next: UUID | None


class OpenIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    public: bool = Field(description="everybody sees when it is busy, and nothing else")


class OpenOut(OpenIn):
    thing_id: UUID
    url: str


@router.post("/calendars", status_code=201, dependencies=[_ANYBODY])
async def create_calendar(
    body: NewCalendar, request: Request, response: Response, caller: CurrentCaller, transaction: InTransaction
) -> CreatedCalendar:
    """A feed with a secret address of its own. Asked twice, there are two: each can be revoked. No answer with a
    secret is kept for an Idempotency-Key."""
    subject = Subject(body.subject)
    if (subject is Subject.MINE) != (body.thing_id is None):
        raise CalendarSubjectError(field="thing_id", subject=body.subject)
    thing = None
    if body.thing_id is not None:
        if not caller.may("booking:read_all", KINDS[subject]):
            raise ForbiddenError(needs="booking:read_all")
        thing = await use_cases.thing_for_staff(transaction, subject, body.thing_id, locations=caller.locations)
    feed, secret = await use_cases.create_feed(transaction, caller.id, subject, thing, body.title)
    response.headers["Cache-Control"] = "private, no-store"
    url = f"{_base(request)}/calendars/{feed.id}.ics?token={secret}"
    return CreatedCalendar.model_validate({**dict(CalendarOut.of(feed)), "url": url})


@router.get("/calendars", dependencies=[_ANYBODY])
async def list_calendars(
    reading: Reading,
    caller: CurrentCaller,
    thing_id: Annotated[UUID | None, Query(description="all of that thing, for administrators; else one's own")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: UUID = _FIRST_ID,
) -> CalendarPage:
    """Feeds without their secrets."""
    if thing_id is None:
        found = await store.feeds_of_owner(reading, caller.id)
        return CalendarPage(items=[CalendarOut.of(item) for item in found], next=None)
    caller.require("booking:configure")
    found = await store.feeds_of_thing(reading, thing_id, after=after, limit=limit)
    items = [CalendarOut.of(item) for item in found]
    return CalendarPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.delete("/calendars/{calendar_id}", status_code=204, dependencies=[_ANYBODY])
async def revoke_calendar(calendar_id: UUID, caller: CurrentCaller, transaction: InTransaction) -> None:
    """Its address leads nowhere from now on. Administrators may revoke everybody's."""
    owner_id = None if caller.may("booking:configure") else caller.id
    await use_cases.revoke(transaction, calendar_id, owner_id=owner_id)


@router.get(
    "/calendars/{calendar_id}.ics",
    dependencies=[public("calendar programs do not sign in: the secret of the address opens the feed")],
    response_class=Response,
    responses={200: {"content": {"text/calendar": {}}}, 304: {"description": "nothing changed"}},
)
async def read_calendar(
    calendar_id: UUID,
    reading: Reading,
    token: Annotated[str, Query(min_length=1, max_length=100)],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The feed as iCalendar: from a month ago up to half a year ahead. The secret is a parameter, because those are
    in no log."""
    feed, entries = await use_cases.read_feed(reading, calendar_id, token)
    headers = {
        "ETag": export.tag(feed.title, entries),
        "Cache-Control": "private, max-age=300",
        "Referrer-Policy": "no-referrer",
    }
    if _known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    body = await export.feed_bytes(feed, entries, reading.now)
    return Response(body, headers=headers, media_type=export.CONTENT_TYPE)


@router.put("/free-busy/{thing_id}", dependencies=[_CONFIGURE])
async def set_public(
    thing_id: UUID, body: OpenIn, request: Request, caller: CurrentCaller, transaction: InTransaction
) -> OpenOut:
    """Whether everybody may see when a resource, a space or a type of room is busy; at first nobody may."""
    thing = await store.thing_by_id(transaction, thing_id)
    subject = Subject.RESOURCE if thing is None else thing.subject
    thing = await use_cases.thing_for_staff(transaction, subject, thing_id, locations=caller.locations)
    await use_cases.set_open(transaction, thing, is_open=body.public)
    return OpenOut(thing_id=thing_id, public=body.public, url=f"{_base(request)}/free-busy/{thing_id}.ics")


@router.get(
    "/free-busy/{thing_id}.ics",
    dependencies=[public("free and busy times of what staff have opened, without names")],
    response_class=Response,
    responses={200: {"content": {"text/calendar": {}}}, 304: {"description": "nothing changed"}},
)
async def read_free_busy(
    thing_id: UUID,
    reading: Reading,
    as_: Annotated[
        Literal["free-busy", "events"], Query(alias="as", description="events without names, for who reads only those")
    ] = "free-busy",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """When nothing of it can be had, two months ahead."""
    until = (reading.now + BUSY_AHEAD).replace(minute=0, second=0, microsecond=0)
    thing, busy = await use_cases.read_busy(reading, thing_id, until)
    # What is busy now is so since some time that does not matter: the tag does not change every second.
    told = [(max(begin, reading.now.replace(minute=0, second=0, microsecond=0)), end) for begin, end in busy]
    headers = {"ETag": export.tag(f"{thing.name} {as_} {until}", told), "Cache-Control": "public, max-age=300"}
    if _known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if as_ == "events":
        body = await export.busy_events_bytes(thing, told, reading.now)
    else:
        body = export.busy_bytes(thing, busy, (reading.now, until))
    return Response(body, headers=headers, media_type=export.CONTENT_TYPE)


def _known(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller has it: weak comparison (RFC 9110, 13.1.2)."""
    given = [item.strip().removeprefix("W/") for item in (if_none_match or "").split(",")]
    return "*" in given or etag.removeprefix("W/") in given


def _base(request: Request) -> str:
    """Where this service is for whoever asked, through the gateway."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    host = request.headers.get("host", request.url.netloc)
    return f"{scheme}://{host}{request.app.servers[0]['url']}/v1"
