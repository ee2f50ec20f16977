"""What a text is made of, before any language: its rows, the facts these need, its button."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Locale = Literal["ru", "en"]
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A text by its name in `templates/<language>/texts.ftl`.

    Attributes:
        rows: shown one a line below the text; a row whose fact is not known is left out.
        wants: facts worth a short wait; without them the text is the shorter one.
        button: the fact that holds the address of the page to go on with.
    """

    rows: tuple[str, ...]
    wants: tuple[str, ...] = ("number",)
    button: str | None = None


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "order_placed": Template(rows=("offering", "place", "time"), wants=("number", "places")),
        "payment_link": Template(
            rows=("place", "time", "amount", "pay_until"), wants=("number", "places", "pay_until"), button="url"
        ),
        "order_confirmed": Template(rows=("place", "time", "total"), wants=("number", "places", "total")),
        "order_status": Template(rows=("offering",)),
        "order_started": Template(rows=("place", "time"), wants=("number", "places")),
        "order_done": Template(rows=("offering",)),
        # An order that never got its places has none to show.
        "order_cancelled": Template(rows=("place", "time")),
        "order_cancelled_refunding": Template(rows=("place", "time", "refund")),
        "refund_succeeded": Template(rows=("amount",)),
        "refund_failed": Template(rows=("amount",)),
    }
)


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """A text in one language, plain: whoever puts it into HTML escapes it. No field has a line break.

    `addressee` is the reader's name, empty where it is not known.
    """

    locale: Locale
    addressee: str
    title: str
    greeting: str
    body: str
    rows: tuple[tuple[str, str], ...]
    button: Button | None
    footer: str

    @property
    def short(self) -> str:
        """The body and its rows, a line each: what a feed and a push message show below the title."""
        return "\n".join([self.body, *(f"{label}: {value}" for label, value in self.rows)])
