"""Settings of waiting and releasing orders: of the site, of a discount group, of a customer (C2, C3, C5)."""

from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Response
from foyer_chassis.auth import requires
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from pydantic import BaseModel, ConfigDict, Field

from . import store, use_cases
from .domain import Mode, Settings

router = APIRouter(prefix="/v1", tags=["releasing"])

_CONFIGURE = requires("orders:configure")
ModeName = Literal["off", "any", "online"]


class SettingsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start_when_paid: bool = Field(description="an order goes to work when its invoice is paid (C2)")
    wait_without_funds: bool = Field(description="without enough credit an order on account waits (C3)")
    waiting_status: str = Field(max_length=40, description="the status it waits in (C1)")
    release_last_orders: ModeName = Field(description="by invoices that are tied to no order (C5)")


class SettingsOut(SettingsIn):
    version: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            start_when_paid=settings.start_when_paid,
            wait_without_funds=settings.wait_without_funds,
            waiting_status=settings.waiting_status,
            release_last_orders=settings.mode.value,
            version=settings.version,
        )


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    release_last_orders: ModeName | None = Field(description="null: as the group or the site says (C5)")


@router.get("/settings/releasing", dependencies=[_CONFIGURE])
async def get_settings(reading: Reading, response: Response) -> SettingsOut:
    settings = await store.settings(reading)
    response.headers["ETag"] = etag(settings.version)
    return SettingsOut.of(settings)


@router.put("/settings/releasing", dependencies=[_CONFIGURE])
async def put_settings(
    body: SettingsIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> SettingsOut:
    settings = await use_cases.change_settings(
        transaction,
        start_when_paid=body.start_when_paid,
        wait_without_funds=body.wait_without_funds,
        waiting_status=body.waiting_status,
        mode=Mode(body.release_last_orders),
        if_version=version_of(if_match),
    )
    response.headers["ETag"] = etag(settings.version)
    return SettingsOut.of(settings)


def _mode(rule: Rule) -> Mode | None:
    return None if rule.release_last_orders is None else Mode(rule.release_last_orders)


@router.get("/customers/{customer_id}/release-rule", dependencies=[_CONFIGURE])
async def get_customer_rule(customer_id: UUID, reading: Reading) -> Rule:
    mode = await store.rule(reading, "customer", customer_id)
    return Rule(release_last_orders=None if mode is None else mode.value)


@router.put("/customers/{customer_id}/release-rule", dependencies=[_CONFIGURE])
async def put_customer_rule(customer_id: UUID, body: Rule, transaction: InTransaction) -> Rule:
    await use_cases.change_rule(transaction, "customer", customer_id, _mode(body))
    return body


@router.get("/discount-groups/{group_id}/release-rule", dependencies=[_CONFIGURE])
async def get_group_rule(group_id: UUID, reading: Reading) -> Rule:
    mode = await store.rule(reading, "discount_group", group_id)
    return Rule(release_last_orders=None if mode is None else mode.value)


@router.put("/discount-groups/{group_id}/release-rule", dependencies=[_CONFIGURE])
async def put_group_rule(group_id: UUID, body: Rule, transaction: InTransaction) -> Rule:
    await use_cases.change_rule(transaction, "discount_group", group_id, _mode(body))
    return body
