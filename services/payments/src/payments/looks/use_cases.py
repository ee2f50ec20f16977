"""A seller's payment page is furnished, and written."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.money import Money
from jinja2 import Environment, PackageLoader, select_autoescape

from ..price_lists import store as price_lists
from . import store
from .domain import Language, Look, check

#: While a payment is waited for, the page looks again this often.
REFRESH_SECONDS = 3
_SIGNS = {"RUB": "₽", "EUR": "€", "USD": "$"}
_pages = Environment(loader=PackageLoader("payments.looks", "."), autoescape=select_autoescape(default=True))


@dataclass(frozen=True, slots=True)
class Page:
    """What the page tells. `link`: where it can be paid now, at the provider; `surcharge` is within `charged`."""

    seller: str | None
    description: str
    charged: Money
    surcharge: Money
    state: Literal["waiting", "paid", "not_paid"]
    link: str | None


async def furnish(transaction: Transaction, seller_id: UUID, look: Look, *, version: int) -> int:
    """Change how the seller's page looks; its new version.

    Raises:
        LookInvalidError
        NotFoundError: there is no such seller.
        StaleError: somebody changed it since that version was read.
    """
    check(look)
    if await price_lists.locked(transaction, seller_id) is None:
        raise NotFoundError
    _, known = await store.of_seller(transaction, seller_id)
    if known != version:
        raise StaleError(version=known)
    await store.save(transaction, seller_id, look, version=known + 1)
    return known + 1


def written(page: Page, look: Look, language: Language, *, nonce: str) -> str:
    """The page as HTML; `nonce` lets its style sheet through the content security policy. All texts are escaped."""
    return _pages.get_template("page.html").render(
        page=page,
        look=look,
        language=language,
        nonce=nonce,
        refresh_seconds=REFRESH_SECONDS,
        charged=_figures(page.charged, language),
        surcharge=_figures(page.surcharge, language) if page.surcharge.amount else None,
    )


def _figures(amount: Money, language: Language) -> str:
    """1234567 RUB → "12 345,67 ₽", "12,345.67 ₽"; no-break spaces."""
    whole, point, rest = amount.to_decimal_string().partition(".")
    grouped = f"{int(whole):,}"
    if language == "ru":
        grouped, point = grouped.replace(",", "\N{NO-BREAK SPACE}"), "," if point else ""
    return f"{grouped}{point}{rest}\N{NO-BREAK SPACE}{_SIGNS.get(amount.currency, amount.currency)}"
