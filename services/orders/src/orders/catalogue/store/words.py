"""The words by which things are found."""

import re

from ..domain import GoodsItem, Offering

#: Characters of all words of one offering; those of a long form's last choices are left out.
LONGEST = 20_000

_SPACES = re.compile(r"\s+")


def normalised(text: str) -> str:
    """Small letters, ё as е (people write either), single spaces."""
    return _SPACES.sub(" ", text.lower().replace("ё", "е")).strip()


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
    return _together(item.sku, item.title, item.title_en)


def _together(*texts: str | None) -> str:
    return normalised(" ".join(text for text in texts if text))[:LONGEST]
