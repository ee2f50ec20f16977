"""The table of who is told what, as administrators see it and change it for each role (B12)."""

from collections import Counter
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Header, Path, Response
from foyer_chassis.auth import requires
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.roles import ROLES
from pydantic import BaseModel, Field, model_validator

from ..domain.audience import RoleRule, rules_of
from ..domain.preferences import Wish
from ..domain.rules import RULES, Channel, Rule
from ..store import preferences as store
from ..use_cases import preferences as use_cases

router = APIRouter(prefix="/v1", tags=["rules"], dependencies=[requires("notifications:configure")])

ChannelName = Literal["feed", "email", "push", "sms", "telegram"]
Role = Annotated[str, Path(max_length=64)]
IfMatch = Annotated[str | None, Header()]


class RuleOut(BaseModel):
    """A line of the table as the system brings it."""

    event: str = Field(description="type of the event, or `reminder.…`")
    case: str | None = Field(description="which of these events; null: all without a line of their own")
    who: Literal["applicant", "assignee", "responsible", "assignee_or_responsible", "inside", "finance"]
    template: str
    critical: bool = Field(description="urgent: nobody can silence it")
    channels: list[ChannelName] = Field(description="all by which it can go out")

    @classmethod
    def fields(cls, rule: Rule) -> dict[str, object]:
        return {
            "event": rule.event,
            "case": rule.case,
            "who": rule.who.value,
            "template": rule.template,
            "critical": rule.critical,
        }

    @classmethod
    def of(cls, rule: Rule) -> Self:
        return cls.model_validate({**cls.fields(rule), "channels": [channel.value for channel in rule.channels]})


class RulesOut(BaseModel):
    items: list[RuleOut]


class RoleRuleOut(RuleOut):
    channels: list[ChannelName] = Field(description="by which this role is told; none: it is not")
    told: bool
    changed: bool = Field(description="it is not what the table says by itself")

    @classmethod
    def of_role(cls, of: RoleRule) -> "RoleRuleOut":
        channels = [channel.value for channel in of.channels]
        return cls.model_validate({**cls.fields(of.rule), "channels": channels, "told": of.told, "changed": of.changed})


class RoleRulesOut(BaseModel):
    role: str
    version: int = Field(description="for If-Match")
    items: list[RoleRuleOut]


class RoleRuleIn(BaseModel):
    template: str = Field(max_length=64)
    told: bool = True
    channels: list[ChannelName] = Field(max_length=5, description="none where it is not told")


class RoleRulesIn(BaseModel):
    """What is not in `items` is as the table says by itself."""

    items: list[RoleRuleIn] = Field(max_length=200)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        twice = [template for template, times in Counter(item.template for item in self.items).items() if times > 1]
        if twice:
            raise ValueError(f"more than once: {twice[0]}")
        return self


@router.get("/rules")
async def rules() -> RulesOut:
    """Who is told of what, by which channels, with which text: all there is."""
    return RulesOut(items=[RuleOut.of(rule) for rule in RULES])


@router.get("/roles/{role}/rules")
async def role_rules(role: Role, reading: Reading, response: Response) -> RoleRulesOut:
    """The lines by which people with this role can be told, as they were changed for it."""
    _known(role)
    version = await store.version_of_role(reading, role)
    response.headers["ETag"] = etag(version)
    return _shown(role, version, await store.of_role(reading, role))


@router.put("/roles/{role}/rules")
async def set_role_rules(
    role: Role, body: RoleRulesIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> RoleRulesOut:
    """Replace what people with this role are told. Somebody with several roles is told what any of them says; what a
    line does not tell is made for nobody, a channel that is off is skipped as `muted` unless the person wants it."""
    _known(role)
    lines = [(item.template, item.told, [Channel(name) for name in item.channels]) for item in body.items]
    wishes, version = await use_cases.set_rules_of_role(transaction, role, lines, version=version_of(if_match))
    response.headers["ETag"] = etag(version)
    return _shown(role, version, wishes)


def _shown(role: str, version: int, wishes: dict[Wish, bool]) -> RoleRulesOut:
    items = [RoleRuleOut.of_role(each) for each in rules_of(role, wishes)]
    return RoleRulesOut(role=role, version=version, items=items)


def _known(role: str) -> None:
    if role not in ROLES:
        raise NotFoundError
