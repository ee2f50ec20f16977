"""Lists of orders: staff's with filters, search, counts, views and export (B3–B6), and a customer's own (B28)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Database, Transaction
from foyer_chassis.http import InTransaction, Reading, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from . import export, store, use_cases
from .domain import Filters, Words

router = APIRouter(prefix="/v1", tags=["lists"])

_READ = requires("orders:read_own", "orders:read_all", "orders:read_assigned")
_STAFF = requires("orders:read_all", "orders:read_assigned")
_OWN = requires("orders:read_own")
EXPORT_BATCH = 200
#: An export longer than this says so in its last line's absence: narrow the filters. Ten full sheets.
MOST_EXPORTED = 10_000_000

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[str | None, Query(max_length=60, description="`next` of the page before")]
KindName = Literal["request", "premises_request", "slot_booking", "coworking", "hotel", "goods", "membership"]
GroupName = Literal["new", "waiting", "accepted", "in_work", "review", "ready", "done", "cancelled"]
RefundState = Literal["requested", "processing", "done", "failed"]
SEVERAL = Query(max_length=50)


class OrderRow(BaseModel):
    """An order as a line of a list (B3)."""

    id: UUID
    number: int
    kind: KindName
    status: str
    label: str | None
    status_group: str
    status_title: str
    title: str = Field(description="status of the order and of its money in the caller's language")
    offering_id: UUID
    offering_title: str
    applicant_id: UUID
    applicant_name: str
    address: str | None
    premises_id: UUID | None
    location_id: UUID | None
    assignee_id: UUID | None
    created_at: datetime
    updated_at: datetime
    starts_at: datetime | None
    price: Money | None = Field(description="what the order costs")
    total: Money = Field(description="all invoices issued (B6)")
    all_paid: bool
    money_status: str
    refund_state: RefundState | None
    refund: Money | None
    cancel_reason: str | None
    respond_by: datetime | None
    complete_by: datetime | None
    version: int
    costs: Money | None = Field(default=None, description="partner commission and acquiring; staff")
    rating: int | None
    unread_messages: int | None = Field(default=None, description="of the client, not read by staff; staff")
    unread: bool | None = Field(default=None, description="changed by staff since last opened; the applicant")


class OrderPage(BaseModel):
    items: list[OrderRow]
    next: str | None = Field(description="give it as `after` to get the next page")


class StatusCount(BaseModel):
    status: str
    title: str
    count: int = Field(description="at most 1000; exact, unless there are `more`")
    more: bool = Field(
        description="there are more than `count`; or may be: of what is over, a filter's newest 1000 are looked at, and"
        " of what a search finds, the newest"
    )


class Counts(BaseModel):
    items: list[StatusCount]


class FiltersIn(BaseModel):
    """What the list can be filtered by (B4); values of one filter are alternatives."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="number, offering, client's full name, address; or a client's whole phone"
    )
    status: list[Annotated[str, Field(max_length=40)]] = Field(default=[], max_length=50)
    group: list[GroupName] = Field(default=[], max_length=10)
    kind: list[KindName] = Field(default=[], max_length=10)
    offering_id: list[UUID] = Field(default=[], max_length=50)
    assignee_id: list[UUID] = Field(default=[], max_length=50)
    unassigned: bool = False
    location_id: list[UUID] = Field(default=[], max_length=50)
    applicant_id: UUID | None = None
    premises_id: UUID | None = None
    created_from: AwareDatetime | None = None
    created_before: AwareDatetime | None = None
    paid: bool | None = Field(default=None, description="every invoice issued is paid, or not every one")
    refund_state: list[RefundState] = Field(default=[], max_length=10)
    rating: list[Annotated[int, Field(ge=1, le=5)]] = Field(default=[], max_length=5)
    overdue: bool = False

    def filters(self) -> Filters:
        """Raises SearchTooShortError."""
        return Filters(
            words=None if self.q is None else Words.of(self.q),
            statuses=tuple(self.status),
            groups=tuple(self.group),
            kinds=tuple(self.kind),
            offering_ids=tuple(self.offering_id),
            assignee_ids=tuple(self.assignee_id),
            unassigned=self.unassigned,
            location_ids=tuple(self.location_id),
            applicant_id=self.applicant_id,
            premises_id=self.premises_id,
            created_from=self.created_from,
            created_before=self.created_before,
            paid=self.paid,
            refund_states=tuple(self.refund_state),
            ratings=tuple(self.rating),
            overdue=self.overdue,
        )


class _PageQuery(FiltersIn):
    limit: int = Field(default=50, ge=1, le=200)
    after: Annotated[str, Field(max_length=60)] | None = None


class _OwnQuery(_PageQuery):
    sort: Literal["unread", "newest", "oldest"] = "newest"


async def _searching(
    request: Request, q: Annotated[str | None, Query(include_in_schema=False)] = None
) -> AsyncIterator[Transaction]:
    """For lists that may be searched."""
    async with _read(request, takes_long=q is not None) as reading:
        yield reading


async def _counting(request: Request) -> AsyncIterator[Transaction]:
    """For counts that may be of what is filtered or searched."""
    async with _read(request, takes_long=bool(request.query_params)) as reading:
        yield reading


@asynccontextmanager
async def _read(request: Request, *, takes_long: bool) -> AsyncIterator[Transaction]:
    """What takes several times as long as a page of a list takes turns: of one process a few are under way at once, so
    that the others are not kept waiting, nor the dear by one another."""
    database: Database = request.app.state.database
    async with AsyncExitStack() as stack:
        if takes_long:
            await stack.enter_async_context(database.turn("searches and counts"))
        yield await stack.enter_async_context(database.read())


Searching = Annotated[Transaction, Depends(_searching, scope="function")]
Counting = Annotated[Transaction, Depends(_counting, scope="function")]


def _as_staff(caller: Caller) -> bool:
    return caller.may("orders:read_all") or caller.may("orders:read_assigned")


def _page(items: str, following: str | None) -> Response:
    after = "null" if following is None else f'"{following}"'
    return Response(f'{{"items": {items}, "next": {after}}}', media_type="application/json")


@router.get("/orders", response_model=OrderPage, dependencies=[_READ])
async def list_orders(reading: Searching, caller: CurrentCaller, query: Annotated[_PageQuery, Query()]) -> Response:
    """The newest first: staff those of their kinds and locations, all or those assigned to them (B1); customers their
    own."""
    scope = use_cases.scope_for(caller, own=not _as_staff(caller))
    return _page(
        *await use_cases.list_orders(
            reading,
            scope,
            query.filters(),
            locale=caller.locale,
            after=query.after,
            sorting="newest",
            limit=query.limit,
        )
    )


@router.get("/orders/mine", response_model=OrderPage, dependencies=[_OWN])
async def list_my_orders(reading: Searching, caller: CurrentCaller, query: Annotated[_OwnQuery, Query()]) -> Response:
    """ "My orders" (B28): for the premises chosen, found by number or offering, unread first where asked."""
    scope = use_cases.scope_for(caller, own=True)
    return _page(
        *await use_cases.list_orders(
            reading,
            scope,
            query.filters(),
            locale=caller.locale,
            after=query.after,
            sorting=query.sort,
            limit=query.limit,
        )
    )


@router.get("/orders/counts", dependencies=[_READ])
async def count_orders(reading: Counting, caller: CurrentCaller, query: Annotated[FiltersIn, Query()]) -> Counts:
    """How many orders each status has with these filters, for tabs; the status filter itself does not count."""
    scope = use_cases.scope_for(caller, own=not _as_staff(caller))
    return Counts(
        items=[
            StatusCount(status=code, title=title, count=found.count, more=found.more)
            for code, title, found in await use_cases.count_orders(
                reading, scope, query.filters(), locale=caller.locale
            )
        ]
    )


class _ExportQuery(FiltersIn):
    format: Literal["xlsx", "csv"] = "xlsx"


_MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


@router.get(
    "/orders/export",
    dependencies=[_STAFF],
    response_class=StreamingResponse,
    responses={200: {"content": {_MEDIA_TYPES["xlsx"]: {}, "text/csv": {}}}},
)
async def export_orders(request: Request, caller: CurrentCaller, query: Annotated[_ExportQuery, Query()]) -> Response:
    """Exactly what the filters show, as Excel or CSV, however many rows (B5)."""
    database: Database = request.app.state.database
    scope, filters = use_cases.scope_for(caller, own=False), query.filters()
    write = export.write_csv if query.format == "csv" else export.write_xlsx
    content = await _begun(write(_rows(database, caller, scope, filters), caller.locale))
    name = f"orders-{database.now():%Y-%m-%d}.{query.format}"
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
    return StreamingResponse(content, media_type=_MEDIA_TYPES[query.format], headers=headers)


async def _begun(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """With its first piece at hand, so that what goes wrong at once is still told by a status."""
    first = await anext(content)

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        async for piece in content:
            yield piece

    return pieces()


async def _rows(
    database: Database, caller: Caller, scope: Any, filters: Filters
) -> AsyncIterator[list[dict[str, Any]]]:
    # Each batch sees what is committed then; no transaction stays open for the whole of a long export.
    async with database.read() as reading:
        async for batch in use_cases.export_rows(
            reading, scope, filters, locale=caller.locale, batch=EXPORT_BATCH, most=MOST_EXPORTED
        ):
            yield batch


class ViewIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    filters: FiltersIn
    shared: bool = Field(default=False, description="for all staff; administrators only")


class ViewOut(ViewIn):
    id: UUID
    own: bool
    version: int

    @classmethod
    def of(cls, row: Any, caller: Caller) -> "ViewOut":
        return cls(
            id=row["id"],
            name=row["name"],
            filters=FiltersIn.model_validate(row["filters"]),
            shared=row["shared"],
            own=row["owner_id"] == caller.id,
            version=row["version"],
        )


class Views(BaseModel):
    items: list[ViewOut]


@router.get("/order-views", dependencies=[_STAFF])
async def list_views(reading: Reading, caller: CurrentCaller) -> Views:
    """The caller's saved views, and those shared with all."""
    return Views(items=[ViewOut.of(row, caller) for row in await store.views_of(reading, caller.id)])


@router.post("/order-views", status_code=201, response_model=ViewOut, dependencies=[_STAFF])
async def create_view(body: ViewIn, caller: CurrentCaller, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        filters = body.filters.model_dump(mode="json", exclude_defaults=True)
        row = await use_cases.save_view(transaction, caller, name=body.name, filters=filters, shared=body.shared)
        return Answer(ViewOut.of(row, caller), 201)

    return await once.run(command)


@router.put("/order-views/{view_id}", dependencies=[_STAFF])
async def change_view(
    view_id: UUID,
    body: ViewIn,
    transaction: InTransaction,
    caller: CurrentCaller,
    if_match: Annotated[str | None, Header()] = None,
) -> ViewOut:
    filters = body.filters.model_dump(mode="json", exclude_defaults=True)
    row = await use_cases.change_view(
        transaction,
        caller,
        view_id,
        name=body.name,
        filters=filters,
        shared=body.shared,
        if_version=version_of(if_match),
    )
    return ViewOut.of(row, caller)


@router.delete("/order-views/{view_id}", status_code=204, dependencies=[_STAFF])
async def delete_view(view_id: UUID, transaction: InTransaction, caller: CurrentCaller) -> None:
    await use_cases.delete_view(transaction, caller, view_id)
