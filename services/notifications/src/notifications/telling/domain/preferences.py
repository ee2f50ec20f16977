"""What a person wants to be told by which channel, and when they want to be left alone (X7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from foyer_chassis.errors import InvalidError

from .rules import RULES, Channel, Rule

MINUTES_A_DAY = 1440
#: A wish is about one text by one channel.
Wish = tuple[str, Channel]


class UnknownWishError(InvalidError):
    """No notification of this name goes out by this channel."""

    title_en = "There is no such notification"
    title_ru = "Такого уведомления нет"


class CriticalNotificationError(InvalidError):
    """This notification is urgent and cannot be switched off."""

    title_en = "This notification cannot be switched off"
    title_ru = "Это уведомление нельзя отключить"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `starts` to `ends`, minutes after local midnight, over midnight when `starts` is later; equal: none."""

    starts: int
    ends: int
    time_zone: str

    def until(self, now: datetime) -> datetime | None:
        """When the quiet hours that it is now end; None when it is not quiet. Right over a change of clocks: both ends
        are times of the wall clock."""
        zone = _zone(self.time_zone)
        local = now.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if self.starts <= self.ends:
            quiet, days = self.starts <= minute < self.ends, 0
        else:
            quiet, days = minute >= self.starts or minute < self.ends, int(minute >= self.starts)
        if not quiet:
            return None
        end = (local + timedelta(days=days)).replace(
            hour=self.ends // 60, minute=self.ends % 60, second=0, microsecond=0, fold=0
        )
        # An end that the clocks leave out comes an hour later; one that they repeat, the first time if that is ahead.
        ends = [end.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
        return next((at for at in ends if at > now), None)


@dataclass(frozen=True, slots=True)
class Wishes:
    """A person's own wishes, and what the settings of their roles say where they have none."""

    own: Mapping[Wish, bool]
    of_roles: Mapping[Wish, bool]
    quiet: QuietHours | None = None

    def wants(self, template: str, channel: Channel) -> bool:
        wish = (template, channel)
        return self.own.get(wish, self.of_roles.get(wish, True))

    def quiet_until(self, now: datetime) -> datetime | None:
        return self.quiet.until(now) if self.quiet is not None else None


def choices() -> list[tuple[Rule, Channel]]:
    """Everything there is to wish for: each text by each channel but the feed, which keeps everything."""
    return [(rule, channel) for rule in RULES for channel in rule.channels if channel is not Channel.FEED]


def checked(wishes: Mapping[Wish, bool]) -> Mapping[Wish, bool]:
    """The wishes, if all of them can be had.

    Raises:
        UnknownWishError, CriticalNotificationError
    """
    known = {(rule.template, channel): rule for rule, channel in choices()}
    for (template, channel), enabled in wishes.items():
        rule = known.get((template, channel))
        if rule is None:
            raise UnknownWishError(field="items", template=template, channel=channel.value)
        if rule.critical and not enabled:
            raise CriticalNotificationError(field="items", template=template, channel=channel.value)
    return wishes


def is_zone(name: str) -> bool:
    """Whether it names a time zone (IANA)."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if is_zone(name) else UTC
