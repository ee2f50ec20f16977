"""Texts in the reader's language: Fluent for sentences, Babel for money and time.

The sentences are in `templates/<language>/texts.ftl`; a name there is a key of `TEMPLATES` with `.title` and `.body`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluent.runtime import FluentBundle, FluentResource

from . import formats
from .domain import TEMPLATES, Button, Facts, Locale, Message

FOLDER = Path(__file__).parents[1] / "templates"
LONGEST_VALUE = 200
LONGEST_URL = 2048
MOST_IN_DIGEST = 10
MOST_MOVED = 3
#: Statuses with sentences of their own; the others are called what the business calls them.
STATUSES_WITH_WORDS = frozenset({"in_progress", "collecting"})
#: Line breaks would end a header; the others hide or reorder what a person reads.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_URL = re.compile(r"https?://[^\s\"'<>\\\x00-\x1f]+")


class Renderer:
    """Makes messages of template names and facts."""

    def __init__(self) -> None:
        self._bundles = {locale: _bundle(locale) for locale in formats.LOCALES}

    def render(self, template: str, facts: Facts, locale: Locale, *, name: str = "") -> Message:
        """The text of a template. Facts that are not known make it shorter, never wrong.

        Args:
            facts: JSON values by name, as events brought them; strings in them are taken as plain text.
            name: how to address the reader; empty: without a name.

        Raises:
            KeyError: there is no such template, or its text is not written in that language.
        """
        described = TEMPLATES[template]
        name = _clean(name)
        values = _values(facts, locale)
        arguments: dict[str, str | int] = {
            "number": "",
            "offering": "",
            "status": "",
            "title": "",
            "reason": "",
            "attempts": 0,
            "name": name,
            "returned": "yes" if facts.get("visit_returned") else "no",
            **values,
            "known": "yes" if values.get("number") else "no",
            "named": "yes" if name else "no",
            "placed": "yes" if "place" in values else "no",
        }
        url = str(facts.get(described.button or "") or "")
        return Message(
            locale=locale,
            addressee=name,
            title=self._text(locale, template, "title", arguments),
            greeting=self._text(locale, "greeting", None, arguments),
            body=self._text(locale, template, "body", arguments),
            rows=tuple(
                (self._text(locale, f"row_{row}", None, arguments), str(values[row]))
                for row in described.rows
                if row in values
            ),
            button=Button(self._text(locale, template, "button", arguments), url)
            if len(url) <= LONGEST_URL and _URL.fullmatch(url)
            else None,
            footer=self._text(locale, "footer", None, arguments),
        )

    def sentence(self, name: str, locale: Locale) -> str:
        """A text that stands alone, without facts."""
        return self._text(locale, name, None, {})

    def digest(self, messages: Sequence[Message], locale: Locale, *, name: str = "") -> Message:
        """Several messages as one: their titles with their bodies, the first `MOST_IN_DIGEST` of them."""
        name = _clean(name)
        shown = messages[:MOST_IN_DIGEST]
        arguments: dict[str, str | int] = {
            "name": name,
            "named": "yes" if name else "no",
            "count": len(messages),
            "more": len(messages) - len(shown),
        }
        rows = [(message.title, message.body) for message in shown]
        if len(messages) > len(shown):
            rest, where = (self._text(locale, "digest", part, arguments) for part in ("rest", "where"))
            rows.append((rest, where))
        return Message(
            locale=locale,
            addressee=name,
            title=self._text(locale, "digest", "title", arguments),
            greeting=self._text(locale, "greeting", None, arguments),
            body=self._text(locale, "digest", "body", arguments),
            rows=tuple(rows),
            button=None,
            footer=self._text(locale, "footer", None, arguments),
        )

    def _text(self, locale: str, name: str, attribute: str | None, arguments: dict[str, str | int]) -> str:
        bundle = self._bundles[locale]
        message = bundle.get_message(name)
        pattern = message.value if attribute is None else message.attributes[attribute]
        if pattern is None:
            raise KeyError(f"{locale} {name} has no text of its own")
        text, errors = bundle.format_pattern(pattern, arguments)
        if errors:
            raise KeyError(f"{locale} {name}: {errors[0]}")
        return " ".join(str(text).split("\n")).strip()


def _bundle(locale: str) -> FluentBundle:
    bundle = FluentBundle([locale], use_isolating=False)
    bundle.add_resource(FluentResource((FOLDER / locale / "texts.ftl").read_text(encoding="utf-8")))
    return bundle


def _clean(text: str) -> str:
    text = " ".join(_CONTROL.sub(" ", text).split(" ")).strip()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _values(facts: Facts, locale: Locale) -> dict[str, str | int]:
    """Facts as words."""
    values: dict[str, str | int] = {}
    places: dict[str, Any] = facts.get("places") or {}
    zone = formats.zone(places.get("time_zone") or facts.get("time_zone"))
    if places:
        named = (places.get("resource_name"), places.get("location_name"))
        if where := _clean(", ".join(name for name in named if name)):
            values["place"] = where
        values["time"] = formats.period(places["starts_at"], places["ends_at"], zone, locale)
    if facts.get("moved"):
        values |= _moved(facts["moved"], locale)
    elif facts.get("previous"):
        values["former"] = formats.period(facts["previous"]["starts_at"], facts["previous"]["ends_at"], zone, locale)
    for name in ("total", "amount", "refund", "balance"):
        if facts.get(name):
            values[name] = formats.money(facts[name], locale)
    for name in ("pay_until", "due_at", "valid_until", "starts_at"):
        if facts.get(name):
            values[name] = formats.instant(facts[name], zone, locale)
    for name in (
        "number",
        "offering",
        "reason",
        "status",
        "note",
        "cancel_note",
        "invoice",
        "webhook",
        "ticket",
        "pass_number",
        "code",
        "trainer",
    ):
        if facts.get(name):
            values[name] = _clean(str(facts[name]))
    if (title := (facts.get("title") or {}).get(locale)) and (
        facts.get("label") or facts.get("status") not in STATUSES_WITH_WORDS
    ):
        values["title"], values["status"] = _clean(str(title)), "titled"
    if facts.get("attempts") is not None:
        values["attempts"] = int(facts["attempts"])
    return values


def _moved(moved: Sequence[dict[str, Any]], locale: Locale) -> dict[str, str]:
    """Of a booking that recurs, where and when the times are that moved, and when they were; the first of them."""
    shown, more = moved[:MOST_MOVED], len(moved) - MOST_MOVED
    rest = [f"+{more}"] if more > 0 else []

    def when(begins: str, ends: str) -> str:
        periods = [formats.period(each[begins], each[ends], formats.zone(each["time_zone"]), locale) for each in shown]
        return "; ".join([*periods, *rest])

    places = dict.fromkeys(f"{each['resource_name']}, {each['location_name']}" for each in shown)
    return {
        "place": _clean("; ".join(places)),
        "time": when("starts_at", "ends_at"),
        "former": when("previous_starts_at", "previous_ends_at"),
    }
