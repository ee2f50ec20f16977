"""Groups of offerings, as the customer app shows them (B25)."""

import re
from dataclasses import dataclass
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError

from .texts import Text, is_colour, is_picture

_ICON = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


class UnknownCategoryError(InvalidError):
    """There is no such category."""

    title_en = "Unknown category"
    title_ru = "Нет такой категории"


class CategoryInUseError(ConflictError):
    """Offerings are in this category; move them first, or make the category inactive."""

    title_en = "The category is in use"
    title_ru = "В категории есть услуги"


class CategoryInvalidError(InvalidError):
    """A background is a colour or the https address of a picture, an icon a name or such an address."""

    title_en = "Please check the look of the category"
    title_ru = "Проверьте оформление категории"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A group of offerings.

    Attributes:
        background: #rrggbb, or an https address of a picture.
        icon: name of an icon of the apps (`wrench`), or an https address of a picture.
        position: categories are shown in ascending order of it.
    """

    id: UUID
    name: Text
    background: str | None = None
    icon: str | None = None
    position: int = 0
    active: bool = True
    version: int = 1

    def check(self) -> None:
        """Raises CategoryInvalidError."""
        if self.background is not None and not (is_colour(self.background) or is_picture(self.background)):
            raise CategoryInvalidError(field="background", allowed=["#rrggbb", "https://…"])
        if self.icon is not None and not (_ICON.match(self.icon) or is_picture(self.icon)):
            raise CategoryInvalidError(field="icon", allowed=["wrench", "https://…"])
