"""All that is kept of one customer: changed by staff, taken out, brought in, erased."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ConflictError, NotFoundError

from ..attachments import store as attachments
from ..customers import store as customers
from ..customers import use_cases as customer_cases
from ..customers.domain import MOST_PREMISES, Locale, Person, Premises
from ..drafts import store as drafts
from ..listing import use_cases as listing
from ..listing.domain import Filters, Scope
from ..ordering import store as orders

EXPORT_BATCH = 200
#: An export is one document; a customer with more orders gets the newest of them, and is told so.
MOST_EXPORTED = 10_000


class OpenOrdersError(ConflictError):
    """Orders of this customer are not over yet: finish or cancel them first, so that no money hangs on nobody."""

    title_en = "There are open orders"
    title_ru = "Есть незавершённые заказы"


async def change_customer(
    transaction: Transaction, customer_id: UUID, changes: Mapping[str, Any], *, if_version: int
) -> Person:
    """Staff change a customer; another name is on their orders at once.

    Raises:
        NotFoundError, StaleError, SignsInError, ErasedError, UnknownDiscountGroupError.
    """
    person, renamed = await customer_cases.change_person(transaction, customer_id, changes, if_version=if_version)
    if renamed:
        await orders.rename_applicant(transaction, customer_id, person.name)
    return person


async def export_customer(
    reading: Transaction, customer_id: UUID, *, locale: str
) -> tuple[Person, list[Premises], list[dict[str, Any]], bool]:
    """Profile, premises and orders of a customer, and whether those are all orders (GDPR 15, 20; 152-FZ 14).

    Raises:
        NotFoundError.
    """
    person = await customers.person_by_id(reading, customer_id)
    if person is None:
        raise NotFoundError
    found = await customers.premises_of(reading, customer_id, limit=MOST_PREMISES)
    rows: list[dict[str, Any]] = []
    scope = Scope(own=customer_id)
    async for batch in listing.export_rows(
        reading, scope, Filters(), locale=locale, batch=EXPORT_BATCH, most=MOST_EXPORTED + 1
    ):
        rows += batch
    return person, found, rows[:MOST_EXPORTED], len(rows) <= MOST_EXPORTED


async def import_customer(
    transaction: Transaction,
    *,
    name: str,
    locale: Locale,
    email: str | None,
    phone: str | None,
    company: Mapping[str, str] | None,
    premises: Sequence[Mapping[str, Any]],
) -> tuple[Person, list[Premises]]:
    """A customer with their premises, as an export of another system or of this one has them."""
    person = await customer_cases.add_person(
        transaction, name=name, locale=locale, email=email, phone=phone, company=company, source="staff"
    )
    added = [await customer_cases.add_premises(transaction, person.id, **item) for item in premises]
    return person, added


async def erase_customer(transaction: Transaction, customer_id: UUID) -> Person:
    """The person goes, the money records stay (GDPR 17; 152-FZ 21).

    Raises:
        NotFoundError, ErasedError, OpenOrdersError.
    """
    # The person is locked first: an order that is placed meanwhile comes after, for nobody that is known.
    person = await customer_cases.erase_person(transaction, customer_id)
    if numbers := await orders.has_open_orders(transaction, customer_id):
        raise OpenOrdersError(orders=numbers)
    await orders.erase_applicant(transaction, customer_id)
    # Acts and photographs name people and show their homes; invoices and acts of the money are kept by payments.
    await attachments.leave_of_applicant(transaction, customer_id)
    await drafts.erase(transaction, customer_id)
    return person


async def erase_me(transaction: Transaction, caller: Caller) -> Person:
    return await erase_customer(transaction, caller.id)
