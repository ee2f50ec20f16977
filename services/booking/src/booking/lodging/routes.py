"""Shapes that tickets and stays have in common; their addresses are in `coworking` and `hotel`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Generic, Literal, Self, TypeVar
from uuid import UUID

from fastapi import Header, Query, Response
from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError
from foyer_chassis.http import etag, version_of
from foyer_chassis.idempotency import Answer, Once
from foyer_contracts.money import Money
from foyer_contracts.orders import Actor
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from ..reserving import store as orders_store
from ..reserving.domain import CancellationStep
from ..reserving.routes import CancellationOut
from . import store, use_cases
from .domain import Group, Kind, Lodging, Unit

IfMatch = Annotated[str | None, Header(description="The ETag that was read; 428 without it, 412 when it is stale")]
OnlyIf = Annotated[str | None, Header(alias="if-match", description="only if it is still at this ETag")]
After = Annotated[UUID | None, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
#: Of what a plan is made of; at first they were listed whole, so that nobody who asks for no page gets less by it.
Many = Annotated[int, Query(ge=1, le=1000)]


FIRST_ID = UUID(int=0)
MOST_SPAN = timedelta(days=366)


class SpanInvalidError(InvalidError):
    """The time ends after it begins, and is at most a year long."""

    title_en = "Time is not possible"
    title_ru = "Такой промежуток времени невозможен"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanIn(Strict):
    name: str = Field(min_length=1, max_length=200)
    hold_ttl_seconds: StrictInt | None = Field(
        default=None, ge=1, le=30 * 86_400, description="how long an unpaid order holds; null: the default"
    )
    no_show_minutes: StrictInt | None = Field(
        default=None,
        ge=1,
        le=7 * 1440,
        description="nobody checked in so long after the start: free again; null: never",
    )
    active: StrictBool = True


class NewPlan(PlanIn):
    location_id: UUID


class PlanOut(BaseModel):
    id: UUID
    location_id: UUID
    location_name: str
    time_zone: str
    name: str
    hold_ttl_seconds: int | None
    no_show_minutes: int | None
    active: bool
    version: int

    @classmethod
    def of(cls, group: Group) -> Self:
        return cls(
            id=group.id,
            location_id=group.location.id,
            location_name=group.location.name,
            time_zone=group.location.calendar.zone.key,
            name=group.name,
            hold_ttl_seconds=None if group.hold_ttl is None else int(group.hold_ttl.total_seconds()),
            no_show_minutes=None if group.no_show_after is None else int(group.no_show_after.total_seconds()) // 60,
            active=group.active,
            version=group.version,
        )


class PlanPage(BaseModel):
    items: list[PlanOut]
    next: UUID | None


class UnitIn(Strict):
    label: str = Field(min_length=1, max_length=40, description="its number")
    zone: str | None = Field(default=None, max_length=100, description="part of the plan")
    position: StrictInt = Field(default=0, ge=0, le=100_000, description="any free one: the lowest first")
    blocked: StrictBool = Field(default=False, description="cannot be booked for now; what is booked stays")


class UnitOut(UnitIn):
    model_config = ConfigDict(extra="ignore")

    id: UUID
    version: int

    @classmethod
    def of(cls, unit: Unit) -> Self:
        return cls(
            id=unit.id,
            label=unit.label,
            zone=unit.zone,
            position=unit.position,
            blocked=unit.blocked,
            version=unit.version,
        )


class UnitList(BaseModel):
    items: list[UnitOut]
    next: UUID | None

    @classmethod
    def page(cls, units: Sequence[Unit], limit: int) -> Self:
        return cls(items=[UnitOut.of(unit) for unit in units], next=units[-1].id if len(units) == limit else None)


class ItemOut(BaseModel):
    title: str
    quantity: int
    unit_price: Money
    total: Money
    extra: bool


class LodgingOut(BaseModel):
    id: UUID
    number: int
    code: str = Field(description="for its QR code; whoever shows it is the one who comes")
    order_id: UUID
    visitor_name: str
    visitor_id: UUID | None
    place: str
    tariff: str
    starts_at: datetime
    ends_at: datetime
    quantity: int = Field(description="units of the tariff, or nights")
    items: list[ItemOut]
    total: Money
    status: Literal["held", "confirmed", "active", "ended", "expired", "released", "no_show"]
    expires_at: datetime | None
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    blocked: bool
    cancellation: CancellationOut | None = Field(description="null: not known, of orders from before it was kept")
    version: int

    @classmethod
    def values_of(cls, item: Lodging, steps: Sequence[CancellationStep] | None) -> dict[str, object]:
        values = {name: getattr(item, name) for name in cls.model_fields if hasattr(item, name)}
        lines = [
            ItemOut(
                title=line.title,
                quantity=line.quantity,
                unit_price=line.unit_price,
                total=line.unit_price * line.quantity,
                extra=line.extra,
            )
            for line in item.items
        ]
        cancellation = CancellationOut.of(steps, item.starts_at)
        return {**values, "items": lines, "status": item.status.value, "cancellation": cancellation}

    @classmethod
    def of(cls, item: Lodging, steps: Sequence[CancellationStep] | None) -> Self:
        return cls.model_validate(cls.values_of(item, steps))

    @classmethod
    async def shown(cls, transaction: Transaction, *items: Lodging) -> list[Self]:
        """These, with what cancelling each costs."""
        known = await orders_store.cancellations_of(transaction, {item.order_id for item in items})
        return [cls.of(item, known.get(item.order_id)) for item in items]


Out = TypeVar("Out", bound=LodgingOut)


@dataclass(frozen=True, slots=True)
class Desk(Generic[Out]):
    """How lodgings of one kind are shown, and worked on at the desk.

    Attributes:
        orders: the kind of the orders whose staff see them (A2).
        out: how one is shown.
    """

    kind: Kind
    orders: str
    out: type[Out]

    async def process(
        self,
        lodging_id: UUID,
        caller: Caller,
        once: Once,
        if_match: str | None,
        verb: Callable[[Transaction, Lodging, Group, Actor], Awaitable[Lodging]],
    ) -> Response:
        version = None if if_match is None else version_of(if_match)
        use_cases.must_process(caller, self.orders)

        async def command(transaction: Transaction) -> Answer:
            lodging, group = await use_cases.opened(
                transaction, lodging_id, self.kind, locations=caller.locations, if_version=version
            )
            after = await verb(transaction, lodging, group, Actor(kind="staff", id=caller.id))
            (shown,) = await self.out.shown(transaction, after)
            return Answer(shown, 200, {"ETag": etag(after.version)})

        return await once.run(command)

    async def shown(self, reading: Transaction, caller: Caller, found: Lodging | None, response: Response) -> Out:
        lodging = await self.seen(reading, caller, found)
        response.headers["ETag"] = etag(lodging.version)
        (shown,) = await self.out.shown(reading, lodging)
        return shown

    async def seen(self, reading: Transaction, caller: Caller, found: Lodging | None) -> Lodging:
        """Raises NotFoundError: none, another's, or of a kind or at a location that this member of staff does not
        see."""
        if found is None or found.kind is not self.kind or not use_cases.may_see(caller, found, self.orders):
            raise NotFoundError
        await use_cases.visible_group(reading, self.kind, found.group_id, locations=caller.locations)
        return found

    async def page(
        self,
        reading: Transaction,
        caller: Caller,
        group_id: UUID,
        starts_from: datetime,
        starts_to: datetime,
        *,
        limit: int,
        after: UUID,
    ) -> tuple[list[Out], UUID | None]:
        """Those of a group that touch a time, of every status, and `next`.

        Raises:
            SpanInvalidError, NotFoundError, ForbiddenError.
        """
        check_span(starts_from, starts_to)
        use_cases.must_see(caller, self.orders)
        await use_cases.visible_group(reading, self.kind, group_id, locations=caller.locations)
        found = await store.page(reading, group_id, starts_from, starts_to, after=after, limit=limit)
        items = await self.out.shown(reading, *found)
        return items, items[-1].id if len(items) == limit else None


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Raises SpanInvalidError."""
    if not timedelta(0) < ends_at - starts_at <= MOST_SPAN:
        raise SpanInvalidError(field="to", most_days=MOST_SPAN.days)
