"""What a seller's payment page looks like (D8): logo, colours, texts in two languages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from foyer_chassis.errors import InvalidError

Language = Literal["ru", "en"]
#: Of large and small text alike, WCAG 2.2, success criterion 1.4.3.
LEAST_CONTRAST = 4.5
LONGEST = {"heading": 100, "note": 500, "button": 40}
LONGEST_ADDRESS = 500
COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class LookInvalidError(InvalidError):
    """The payment page cannot look like this."""

    title_en = "The payment page cannot look like this"
    title_ru = "Так страница оплаты выглядеть не может"


@dataclass(frozen=True, slots=True)
class Look:
    """Attributes:
    logo_url: https address of a picture; None: the seller's name alone.
    heading, note, button: texts by language; a language that is missing has the page's own words (no note).
    """

    logo_url: str | None = None
    background_colour: str = "#ffffff"
    text_colour: str = "#1a1a1a"
    button_colour: str = "#1f5eff"
    button_text_colour: str = "#ffffff"
    heading: Mapping[Language, str] = field(default_factory=dict)
    note: Mapping[Language, str] = field(default_factory=dict)
    button: Mapping[Language, str] = field(default_factory=dict)


def check(look: Look) -> None:
    """Raises LookInvalidError: a colour is none, or text cannot be read on its ground, or an address is not https, or a
    text is too long."""
    for name in ("background_colour", "text_colour", "button_colour", "button_text_colour"):
        if not COLOUR.fullmatch(getattr(look, name)):
            raise LookInvalidError(field=name, allowed="#rrggbb")
    for text, ground in (("text_colour", "background_colour"), ("button_text_colour", "button_colour")):
        found = contrast(getattr(look, text), getattr(look, ground))
        if found < LEAST_CONTRAST:
            raise LookInvalidError(
                field=text, contrast=round(found, 2), allowed=f"contrast of at least {LEAST_CONTRAST}"
            )
    if look.logo_url is not None and not _is_picture(look.logo_url):
        raise LookInvalidError(field="logo_url", allowed=f"https://…, at most {LONGEST_ADDRESS} characters")
    for name, longest in LONGEST.items():
        for language, text in getattr(look, name).items():
            if not text.strip() or len(text) > longest or _FORBIDDEN.search(text):
                raise LookInvalidError(field=f"{name}.{language}", allowed=f"1 to {longest} printable characters")


def _is_picture(address: str) -> bool:
    if len(address) > LONGEST_ADDRESS or not re.fullmatch(r"[!#-&(-;=?-Z_a-z~\[\]]+", address, re.ASCII):
        return False
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and parts.username is None


def contrast(one: str, other: str) -> float:
    """Of two colours #rrggbb, from 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
