"""Texts and prices as requests bring them."""

from typing import Annotated

from foyer_chassis.auth import requires
from foyer_contracts.money import Money, not_negative
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from ..domain import Text

READERS = requires("orders:place", "orders:read_all", "orders:read_assigned", "orders:configure")
CONFIGURERS = requires("orders:configure")

_LINE = r"^[^\x00-\x1f\x7f]*$"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_LINE)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=_LINE)]
Long = Annotated[str, StringConstraints(max_length=20_000, pattern=_TEXT)]
Url = Annotated[str, StringConstraints(max_length=500, pattern=_LINE)]
Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_LINE)]
Line = Annotated[str, StringConstraints(max_length=1000, pattern=_LINE)]
Price = Annotated[Money, AfterValidator(not_negative)]


class TextIn(BaseModel):
    """A text in Russian and, if it is translated, in English."""

    model_config = ConfigDict(extra="forbid")

    ru: Line = Field(min_length=1)
    en: Line | None = Field(default=None, min_length=1)

    def to_text(self) -> Text:
        return Text(self.ru, self.en)

    @classmethod
    def of(cls, text: Text) -> "TextIn":
        return cls(ru=text.ru, en=text.en)
