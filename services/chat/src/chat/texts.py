"""System messages in the reader's language: sentences of `templates/<language>/texts.ftl`, money and time by Babel."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from fluent.runtime import FluentBundle, FluentResource
from foyer_contracts.money import Money

FOLDER = Path(__file__).parent / "templates"
LOCALES = {"ru": Locale("ru"), "en": Locale("en", "GB")}
LONGEST_NOTE = 1000
MOST_MOVED = 3
#: Characters that hide or reorder what a person reads; line breaks stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


class Texts:
    """Puts system messages into words."""

    def __init__(self) -> None:
        self._bundles = {locale: _bundle(locale) for locale in LOCALES}

    def render(self, template: str, facts: Mapping[str, Any], locale: str) -> str:
        """The text of a system message, plain.

        Raises:
            KeyError: there is no such template.
        """
        bundle = self._bundles[locale]
        pattern = bundle.get_message(template).value
        if pattern is None:
            raise KeyError(template)
        text, errors = bundle.format_pattern(pattern, _arguments(facts, locale))
        if errors:
            raise KeyError(f"{locale} {template}: {errors[0]}")
        return str(text)


def _arguments(facts: Mapping[str, Any], locale: str) -> dict[str, str]:
    zone = _zone(facts.get("time_zone"))
    title = facts.get("title") or {}
    arguments = {
        "status": "titled" if title else str(facts.get("status", "")),
        "title": _clean(str(title.get(locale, ""))),
        "reason": str(facts.get("reason", "")),
        "deadline": str(facts.get("deadline", "")),
        "number": str(facts.get("number", "")),
        "note": _clean(str(facts.get("note") or "")),
        "noted": _yes(facts.get("note")),
        "refund": _money(facts["refund"], locale) if facts.get("refund") else "",
        "refunding": _yes(facts.get("refund")),
        "total": _money(facts["total"], locale) if facts.get("total") else "",
        "assigned": _yes(facts.get("assignee_id")),
        "responding": _yes(facts.get("respond_by")),
        "completing": _yes(facts.get("complete_by")),
    }
    for name in ("respond_by", "complete_by", "due_at"):
        arguments[name] = _instant(facts[name], zone, locale) if facts.get(name) else ""
    for name, places in (("time", facts.get("places")), ("former", facts.get("previous"))):
        arguments[name] = _period(places, locale) if places else ""
    places = facts.get("places") or {}
    arguments["place"] = _clean(f"{places['resource_name']}, {places['location_name']}") if places else ""
    return arguments | _moved(facts.get("moved") or (), locale)


def _moved(moved: Sequence[Mapping[str, Any]], locale: str) -> dict[str, str]:
    """Of a booking that recurs, where and when the times are that moved, and when they were; the first of them."""
    if not moved:
        return {}
    shown, more = moved[:MOST_MOVED], len(moved) - MOST_MOVED
    rest = [f"+{more}"] if more > 0 else []
    places = dict.fromkeys(f"{each['resource_name']}, {each['location_name']}" for each in shown)
    before = ({**each, "starts_at": each["previous_starts_at"], "ends_at": each["previous_ends_at"]} for each in shown)
    return {
        "place": _clean("; ".join(places)),
        "time": "; ".join([*(_period(each, locale) for each in shown), *rest]),
        "former": "; ".join([*(_period(each, locale) for each in before), *rest]),
    }


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _clean(text: str) -> str:
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n")).strip()
    return text if len(text) <= LONGEST_NOTE else text[: LONGEST_NOTE - 1] + "…"


def _bundle(locale: str) -> FluentBundle:
    bundle = FluentBundle([locale], use_isolating=False)
    bundle.add_resource(FluentResource((FOLDER / locale / "texts.ftl").read_text(encoding="utf-8")))
    return bundle


def _money(value: dict[str, Any], locale: str) -> str:
    amount = Money.model_validate(value)
    number = Decimal(amount.to_decimal_string())
    digits = 0 if number == number.to_integral_value() else amount.exponent
    text = numbers.format_decimal(
        number, format="#,##0" + ("." + "0" * digits if digits else ""), locale=LOCALES[locale]
    )
    symbol = numbers.get_currency_symbol(amount.currency, LOCALES[locale])
    if locale == "ru":
        return f"{text}\u00a0{symbol}"
    return f"{symbol}\u00a0{text}" if symbol.isalpha() else f"{symbol}{text}"


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


def _instant(text: str, zone: tzinfo, locale: str) -> str:
    at = datetime.fromisoformat(text).astimezone(zone)
    return f"{_date(at, locale)}, {at:%H:%M} ({_offset(at)})"


def _period(places: Mapping[str, Any], locale: str) -> str:
    """By the clocks of the place; over midnight or a change of clocks both ends in full."""
    zone = _zone(places.get("time_zone"))
    start, end = (datetime.fromisoformat(places[name]).astimezone(zone) for name in ("starts_at", "ends_at"))
    if start.date() != end.date() or start.utcoffset() != end.utcoffset():
        return f"{_instant(places['starts_at'], zone, locale)} – {_instant(places['ends_at'], zone, locale)}"
    return f"{_date(start, locale)}, {start:%H:%M}–{end:%H:%M} ({_offset(start)})"


def _date(at: datetime, locale: str) -> str:
    return dates.format_date(at, "long", locale=LOCALES[locale]).replace("\u202f", "\u00a0")


def _offset(at: datetime) -> str:
    minutes = (at.utcoffset() or timedelta()) // timedelta(minutes=1)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")
