"""Goods: what a shop's offering consists of (A28)."""

from dataclasses import dataclass
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money


class NotGoodsError(InvalidError):
    """Only an offering of kind `goods` has items."""

    title_en = "Not a shop"
    title_ru = "Это не товарная услуга"


class SkuTakenError(ConflictError):
    """Another item of this offering has that SKU."""

    title_en = "The SKU is taken"
    title_ru = "Такой артикул уже есть"


class OneCurrencyError(InvalidError):
    """All items of an offering are priced in one currency."""

    title_en = "Another currency"
    title_ru = "Другая валюта"


class RepeatedSkuError(InvalidError):
    """An import names each SKU once."""

    title_en = "A SKU is repeated"
    title_ru = "Артикул повторяется"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsItem:
    """A thing that can be put into an order of goods. `sku` is unique within the offering."""

    id: UUID
    offering_id: UUID
    sku: str
    title: str
    title_en: str | None = None
    price: Money
    active: bool = True
    version: int = 1

    def title_in(self, locale: str) -> str:
        return self.title_en if locale == "en" and self.title_en else self.title
