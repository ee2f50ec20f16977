"""A guest buys what is sold online, and looks at what became of it (D3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts.money import Money

from ..catalogue import store as catalogue
from ..customers import use_cases as customers
from ..customers.domain import Locale
from ..ordering import store as orders
from ..ordering.domain.order import Actor, Order
from ..ordering.use_cases.placing import Placing, place_order
from ..statuses import store as statuses
from . import store
from .domain import (
    NO_DIGEST,
    Access,
    NotSoldOnlineError,
    TooManyGuestOrdersError,
    email_digest,
    matches,
    token_of,
)

WINDOW = timedelta(hours=1)
#: What a guest is called who does not say it. Never the email, which is for the private exchange alone.
NAMELESS: Mapping[str, str] = {"ru": "Гость", "en": "Guest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a guest asks for. `key`: their Idempotency-Key."""

    offering_id: UUID
    email: str
    name: str | None
    locale: Locale
    answers: Mapping[str, Any]
    expected_total: Money | None
    key: str


async def buy(
    transaction: Transaction, purchase: Purchase, numbers: orders.NumberBlock, *, most_per_hour: int
) -> Order:
    """The customer, the order and what opens it, together.

    Raises:
        NotSoldOnlineError, TooManyGuestOrdersError, AnswersInvalidError, PriceMismatchError, WrongCurrencyError.
    """
    direct = await transaction.direct()
    offering, _ = await catalogue.find_for_order(direct, purchase.offering_id, None)
    if offering is None or not offering.sold_online:
        raise NotSoldOnlineError(field="offering_id")
    whose = email_digest(purchase.email)
    await _check_rate(transaction, whose, most=most_per_hour)
    person = await customers.add_person(
        transaction,
        name=purchase.name or NAMELESS[purchase.locale],
        locale=purchase.locale,
        email=purchase.email,
        phone=None,
        source="guest",
    )
    actor = Actor("customer", person.id)
    placing = Placing(
        offering_id=offering.id,
        applicant_id=person.id,
        applicant_name=person.name,
        actor=actor,
        answers=purchase.answers,
        expected_total=purchase.expected_total,
    )
    order = await place_order(direct, placing, numbers, await statuses.directory(transaction))
    await orders.add(transaction, order, actor)
    access, _ = Access.new(purchase.key)
    await store.add(transaction, order.id, order.number, access, whose)
    return order


async def _check_rate(transaction: Transaction, whose: bytes, *, most: int) -> None:
    """So that nobody's mailbox is filled by others."""
    since = transaction.now - WINDOW
    placed = await store.placed_since(transaction, whose, since, most=most)
    if len(placed) >= most:
        raise TooManyGuestOrdersError(retry_after_seconds=max(1, ceil((placed[-1] - since) / timedelta(seconds=1))))


async def token_for(reading: Transaction, number: int, key: str) -> str:
    """The token of the order that was placed with this key."""
    found = await store.access_to(reading, number)
    assert found is not None
    return token_of(key, found[1].nonce)


async def order_of(reading: Transaction, number: int, token: str) -> Order:
    """Raises NotFoundError: there is no such order, or the token is another's; in the same time."""
    found = await store.access_to(reading, number)
    if not matches(token, NO_DIGEST if found is None else found[1].token_digest) or found is None:
        raise NotFoundError
    order = await orders.by_id(reading, found[0])
    assert order is not None
    return order
