"""What a person wants to be told, and what the settings of a role say."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.roles import ROLES
from pydantic import AfterValidator, BaseModel, Field

from ..domain.preferences import MINUTES_A_DAY, QuietHours, Wish, choices, is_zone
from ..domain.rules import Channel
from ..store import preferences as store
from ..use_cases import preferences as use_cases

router = APIRouter(prefix="/v1", tags=["preferences"])
OWN = [requires("notifications:own")]
CONFIGURE = [requires("notifications:configure")]
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError("a time of day such as 22:00")
    return text


def _known_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("an IANA time zone such as Europe/Moscow")
    return name


ClockTime = Annotated[str, AfterValidator(_clock), Field(examples=["22:00"])]
ChannelName = Literal["email", "push", "sms", "telegram"]


class QuietHoursModel(BaseModel):
    """Local times of day; over midnight when `starts` is later than `ends`. What is not urgent waits for their end."""

    starts: ClockTime
    ends: ClockTime
    time_zone: Annotated[str, AfterValidator(_known_zone), Field(max_length=64, examples=["Europe/Moscow"])]


class WishIn(BaseModel):
    template: str = Field(max_length=64, description="name of the notification")
    channel: ChannelName
    enabled: bool


class WishOut(WishIn):
    critical: bool = Field(description="urgent: cannot be switched off, and comes in quiet hours too")
    chosen_by: Literal["person", "role", "default"]


class PreferencesIn(BaseModel):
    """What is not in `items` is as the settings of the person's role say, or on."""

    items: list[WishIn] = Field(max_length=500)
    quiet_hours: QuietHoursModel | None = None


class PreferencesOut(BaseModel):
    items: list[WishOut]
    quiet_hours: QuietHoursModel | None


class RolePreferencesIn(BaseModel):
    items: list[WishIn] = Field(max_length=500)


class RolePreferencesOut(BaseModel):
    role: str
    items: list[WishOut]


Role = Annotated[str, Path(max_length=64)]


@router.get("/preferences", dependencies=OWN)
async def preferences(reading: Reading, caller: CurrentCaller) -> PreferencesOut:
    """Every notification by every channel, and whether the caller gets it; their quiet hours."""
    wishes = await store.wishes(reading, caller.id, caller.roles)
    return PreferencesOut(items=_items(wishes.own, wishes.of_roles), quiet_hours=_quiet_out(wishes.quiet))


@router.put("/preferences", dependencies=OWN)
async def set_preferences(body: PreferencesIn, transaction: InTransaction, caller: CurrentCaller) -> PreferencesOut:
    """Replace the caller's wishes and quiet hours, also for what is waiting already."""
    await use_cases.set_own(transaction, caller.id, _wishes(body.items), _quiet(body.quiet_hours))
    wishes = await store.wishes(transaction, caller.id, caller.roles)
    return PreferencesOut(items=_items(wishes.own, wishes.of_roles), quiet_hours=_quiet_out(wishes.quiet))


@router.get("/roles/{role}/preferences", dependencies=CONFIGURE)
async def role_preferences(role: Role, reading: Reading) -> RolePreferencesOut:
    """What people with a role are told where they have no wishes of their own (B12)."""
    return await _of_role(reading, role)


@router.put("/roles/{role}/preferences", dependencies=CONFIGURE)
async def set_role_preferences(role: Role, body: RolePreferencesIn, transaction: InTransaction) -> RolePreferencesOut:
    """Replace the settings of a role. Somebody with several roles is told what any of them says."""
    _known(role)
    await use_cases.set_of_role(transaction, role, _wishes(body.items))
    return await _of_role(transaction, role)


async def _of_role(reading: Transaction, role: str) -> RolePreferencesOut:
    _known(role)
    return RolePreferencesOut(role=role, items=_items({}, await store.of_role(reading, role)))


def _known(role: str) -> None:
    if role not in ROLES:
        raise NotFoundError


def _wishes(items: list[WishIn]) -> dict[Wish, bool]:
    return {(item.template, Channel(item.channel)): item.enabled for item in items}


def _items(own: Mapping[Wish, bool], of_roles: Mapping[Wish, bool]) -> list[WishOut]:
    found = []
    for rule, channel in choices():
        wish = (rule.template, channel)
        found.append(
            WishOut.model_validate(
                {
                    "template": rule.template,
                    "channel": channel.value,
                    "enabled": rule.critical or own.get(wish, of_roles.get(wish, True)),
                    "critical": rule.critical,
                    "chosen_by": "person" if wish in own else "role" if wish in of_roles else "default",
                }
            )
        )
    return found


def _quiet(model: QuietHoursModel | None) -> QuietHours | None:
    if model is None:
        return None
    return QuietHours(starts=_minutes(model.starts), ends=_minutes(model.ends), time_zone=model.time_zone)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return (int(hours) * 60 + int(minutes)) % MINUTES_A_DAY


def _quiet_out(quiet: QuietHours | None) -> QuietHoursModel | None:
    if quiet is None:
        return None
    starts, ends = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (quiet.starts, quiet.ends))
    return QuietHoursModel(starts=starts, ends=ends, time_zone=quiet.time_zone)
