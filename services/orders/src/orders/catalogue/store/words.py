"""The words by which things are found."""

import re

from ..domain import GoodsItem, Offering

#: Characters of all words of one offering; those of a long form's last choices are left out.
LONGEST = 20_000
MOST_WORDS_ASKED = 8

_BETWEEN_WORDS = re.compile(r"[\W_]+")


def normalised(text: str) -> str:
    """Words of letters and digits in small letters, ё as е (people write either), with single spaces between."""
    return _BETWEEN_WORDS.sub(" ", text.lower().replace("ё", "е")).strip()


def split(text: str) -> list[str]:
    """The words that somebody asks for."""
    return normalised(text).split()[:MOST_WORDS_ASKED]


def query(text: str) -> str | None:
    """A `tsquery`: all the words, the last one perhaps not typed to its end. None when there are no words."""
    words = split(text)
    if not words:
        return None
    # Only letters and digits are left, so nothing needs escaping.
    *whole, last = words
    return " & ".join([*whole, f"({last} | {last}:*)"])


def of_title(offering: Offering) -> str:
    return _together(offering.title, offering.title_en)


def of_offering(offering: Offering) -> str:
    """Titles, short texts, and the labels of the form and its choices (B25)."""
    texts = [offering.title, offering.title_en, offering.short_text, offering.short_text_en]
    for field in offering.form.fields:
        texts += [field.label.ru, field.label.en]
    for field in offering.form.fields:
        for choice in field.choices:
            texts += [choice.label.ru, choice.label.en]
    return _together(*texts)


def of_item(item: GoodsItem) -> str:
    """The SKU also without what stands between its parts: people leave it out."""
    return _together(item.sku, normalised(item.sku).replace(" ", ""), item.title, item.title_en)


def _together(*texts: str | None) -> str:
    return normalised(" ".join(text for text in texts if text))[:LONGEST]
