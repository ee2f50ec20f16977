"""The table as administrators changed it for a role: what people who have it are told of, and by which channels (B12).

A person with several roles is told what any of them says; a role that nobody changed says nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from foyer_chassis.errors import InvalidError

from .preferences import CriticalNotificationError, Wish
from .rules import FINANCE_ROLE, RULES, Channel, Rule, Who

CUSTOMER_ROLE = "customer"
#: Channel → whether the role gets this text by it.
Said = Mapping[Channel, bool]


class UnknownRuleError(InvalidError):
    """No line of the table of this name tells people with this role."""

    title_en = "This role is not told of that"
    title_ru = "Этой роли об этом не сообщают"


class ChannelNotOfRuleError(InvalidError):
    """It cannot go out by this channel; `allowed` are those of the table."""

    title_en = "It does not go out by this channel"
    title_ru = "Это не отправляется по такому каналу"


class NoChannelLeftError(InvalidError):
    """Who is told is told by at least one channel, and who is not by none."""

    title_en = "Choose at least one channel, or do not tell"
    title_ru = "Выберите хотя бы один канал или отключите"


@dataclass(frozen=True, slots=True)
class RoleRule:
    """What a role is told by a line of the table; `changed`: it is not what the table says by itself."""

    rule: Rule
    told: bool
    channels: tuple[Channel, ...]
    changed: bool


def concerns(rule: Rule, role: str) -> bool:
    """Whether people with this role can be told by this line."""
    match rule.who:
        case Who.APPLICANT:
            return role == CUSTOMER_ROLE
        case Who.FINANCE:
            return role == FINANCE_ROLE
        case _:
            return role != CUSTOMER_ROLE


def addressed_as(rule: Rule, roles: Iterable[str]) -> frozenset[str]:
    """As what a person with these roles is addressed by a line: staff who ordered something are customers there, and
    customers are, whether or not they ever showed a token."""
    if rule.who is Who.APPLICANT:
        return frozenset({CUSTOMER_ROLE})
    return frozenset(role for role in roles if concerns(rule, role))


def channels_for(rule: Rule, roles: Iterable[str], said: Mapping[str, Said]) -> tuple[Channel, ...]:
    """The channels by which a person with these roles is told; none: not at all.

    Args:
        said: what was changed of this line, by role.
    """
    if rule.critical:
        return rule.channels
    of_roles = [said[role] for role in addressed_as(rule, roles) if role in said]
    return tuple(channel for channel in rule.channels if _any_wants(channel, of_roles))


def feed_of(rule: Rule, role: str, said: Mapping[str, Said]) -> bool:
    """Whether what is for nobody in person stands in the feed of this role."""
    return rule.critical or said.get(role, {}).get(Channel.FEED, True)


def _any_wants(channel: Channel, of_roles: Collection[Said]) -> bool:
    wants = [said[channel] for said in of_roles if channel in said]
    return not wants or any(wants)


def rules_of(role: str, wishes: Mapping[Wish, bool]) -> list[RoleRule]:
    """Every line that concerns a role, as it was changed."""
    found = []
    for rule in RULES:
        if concerns(rule, role):
            said = {
                channel: wishes[rule.template, channel] for channel in Channel if (rule.template, channel) in wishes
            }
            channels = channels_for(rule, {role}, {role: said})
            found.append(RoleRule(rule, bool(channels), channels, changed=channels != rule.channels))
    return found


def wishes_for(role: str, template: str, *, told: bool, channels: Collection[Channel]) -> dict[Wish, bool]:
    """A changed line as it is kept.

    Raises:
        UnknownRuleError, ChannelNotOfRuleError, NoChannelLeftError, CriticalNotificationError
    """
    rule = next((rule for rule in RULES if rule.template == template and concerns(rule, role)), None)
    if rule is None:
        raise UnknownRuleError(field="items", template=template)
    if strange := [channel for channel in channels if channel not in rule.channels]:
        allowed = [channel.value for channel in rule.channels]
        raise ChannelNotOfRuleError(field="items", template=template, channel=strange[0].value, allowed=allowed)
    if told is not bool(channels):
        raise NoChannelLeftError(field="items", template=template)
    silenced = [channel for channel in rule.channels if channel not in channels]
    if rule.critical and silenced:
        raise CriticalNotificationError(field="items", template=template, channel=silenced[0].value)
    return {(template, channel): channel in channels for channel in rule.channels}
