"""Money and time in words. Times are shown by the location's clocks, with their distance from UTC."""

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from foyer_contracts.money import Money

#: English as in Britain: day before month and a clock of 24 hours, which nobody misreads.
LOCALES = {"ru": Locale("ru"), "en": Locale("en", "GB")}
_NARROW_SPACE, _NO_BREAK_SPACE = "\u202f", "\u00a0"


def money(value: dict[str, Any], locale: str) -> str:
    """`{"amount": 40000, "currency": "RUB"}` → "400 ₽"; minor units only where there are some."""
    amount = Money.model_validate(value)
    number = Decimal(amount.to_decimal_string())
    digits = 0 if number == number.to_integral_value() else amount.exponent
    place = "#,##0" + ("." + "0" * digits if digits else "")
    symbol = numbers.get_currency_symbol(amount.currency, LOCALES[locale])
    text = numbers.format_decimal(number, format=place, locale=LOCALES[locale])
    if locale == "en" and not symbol.isalpha():
        return f"{symbol}{text}"
    return f"{symbol}{_NO_BREAK_SPACE}{text}" if locale == "en" else f"{text}{_NO_BREAK_SPACE}{symbol}"


def zone(name: str | None) -> tzinfo:
    """The time zone of that name; UTC for one that is not known here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


def instant(text: str, zone_: tzinfo, locale: str) -> str:
    """ "2 декабря 2026 г., 13:00 (UTC+3)"."""
    at = datetime.fromisoformat(text).astimezone(zone_)
    return f"{_date(at, locale)}, {at:%H:%M} ({_offset(at)})"


def period(starts_at: str, ends_at: str, zone_: tzinfo, locale: str) -> str:
    """ "2 декабря 2026 г., 13:00–15:00 (UTC+3)"; over midnight or a change of clocks both ends in full."""
    start, end = (datetime.fromisoformat(text).astimezone(zone_) for text in (starts_at, ends_at))
    if start.date() != end.date() or start.utcoffset() != end.utcoffset():
        return f"{instant(starts_at, zone_, locale)} – {instant(ends_at, zone_, locale)}"
    return f"{_date(start, locale)}, {start:%H:%M}–{end:%H:%M} ({_offset(start)})"


def _date(at: datetime, locale: str) -> str:
    return dates.format_date(at, "long", locale=LOCALES[locale]).replace(_NARROW_SPACE, _NO_BREAK_SPACE)


def _offset(at: datetime) -> str:
    minutes = (at.utcoffset() or timedelta()) // timedelta(minutes=1)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")
