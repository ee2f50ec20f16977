"""Texts that people write in two languages, and the shapes that such settings share."""

import re
from dataclasses import dataclass
from typing import Literal

Locale = Literal["ru", "en"]

#: Colours as CSS and every picker of colours know them.
COLOUR_PATTERN = r"^#[0-9a-fA-F]{6}$"
#: Codes of form fields, choices and statuses: safe in URLs, as keys and as columns of an export.
CODE_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"

_COLOUR = re.compile(COLOUR_PATTERN.removesuffix("$") + r"\Z")
_PICTURE = re.compile(r"https://[^\s\"'<>\\]{3,490}\Z")
_CODE = re.compile(CODE_PATTERN.removesuffix("$") + r"\Z")


@dataclass(frozen=True, slots=True)
class Text:
    """A text in Russian and, if somebody translated it, in English."""

    ru: str
    en: str | None = None

    def of(self, locale: str) -> str:
        """In that language; in Russian where there is no translation."""
        return self.en if locale == "en" and self.en else self.ru


def is_colour(value: str) -> bool:
    return _COLOUR.match(value) is not None


def is_code(value: str) -> bool:
    return _CODE.match(value) is not None


def is_picture(url: str) -> bool:
    """Whether it is an https address that is safe inside an HTML attribute."""
    return _PICTURE.match(url) is not None
