"""The identity provider says who a person is; the first order with new words about them tells the other services.
Customers who do not sign in are entered by staff, or by themselves at the storefront."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id
from foyer_contracts.orders import ContactChanged, CustomerChanged

from . import domain, store
from .domain import MOST_PREMISES, Locale, Person, Premises, TooManyPremisesError, UnknownDiscountGroupError


class KnownPeople:
    """People whose profile this process has seen stored, so that an order needs no query for it. Bounded."""

    MOST = 50_000

    def __init__(self) -> None:
        self._profiles: OrderedDict[UUID, tuple[str | None, ...]] = OrderedDict()

    def knows(self, caller: Caller) -> bool:
        return self._profiles.get(caller.id) == self._profile(caller)

    def remember(self, caller: Caller) -> None:
        self._profiles[caller.id] = self._profile(caller)
        if len(self._profiles) > self.MOST:
            self._profiles.popitem(last=False)

    @staticmethod
    def _profile(caller: Caller) -> tuple[str | None, ...]:
        return (caller.name, caller.locale, caller.email, caller.phone)


async def note_person(transaction: Transaction, caller: Caller) -> bool:
    """Keep what the token says of the caller, and publish it when it is new. Contacts go on the private exchange.

    Returns:
        Whether something known before has changed.
    """
    saved = await store.save_if_changed(transaction, caller)
    if saved is None:
        return False
    version, discount_group_id = saved
    transaction.publish(
        CustomerChanged(
            customer_id=caller.id,
            display_name=caller.name,
            locale=caller.locale,
            discount_group_id=discount_group_id,
        ),
        subject=caller.id,
        sequence=version,
    )
    transaction.publish(
        ContactChanged(
            person_id=caller.id,
            display_name=caller.name,
            locale=caller.locale,
            email=caller.email,
            phone=caller.phone,
        ),
        subject=caller.id,
        sequence=version,
    )
    return version > 1


def _publish(transaction: Transaction, person: Person) -> None:
    transaction.publish(
        CustomerChanged(
            customer_id=person.id,
            display_name=person.name,
            locale=person.locale,
            discount_group_id=person.discount_group_id,
            erased=person.erased_at is not None,
        ),
        subject=person.id,
        sequence=person.version,
    )
    transaction.publish(
        ContactChanged(
            person_id=person.id,
            display_name=person.name,
            locale=person.locale,
            email=person.email,
            phone=person.phone,
        ),
        subject=person.id,
        sequence=person.version,
    )


async def add_person(
    transaction: Transaction,
    *,
    name: str,
    locale: Locale,
    email: str | None,
    phone: str | None,
    source: str,
    company: Mapping[str, str] | None = None,
    person_id: UUID | None = None,
) -> Person:
    """A customer who does not sign in: entered by staff, or buying at the storefront (D3)."""
    person = Person(
        id=person_id or new_id(),
        name=name,
        locale=locale,
        email=email,
        phone=phone,
        source=source,
        company=company,
        discount_group_id=None,
        erased_at=None,
        version=1,
    )
    await store.save_person(transaction, person)
    _publish(transaction, person)
    return person


async def change_person(
    transaction: Transaction, person_id: UUID, changes: Mapping[str, Any], *, if_version: int
) -> tuple[Person, bool]:
    """Staff change a customer: name, locale, email, phone, company, discount_group_id, as far as they are given.

    Returns:
        The person, and whether the name is another.

    Raises:
        NotFoundError, StaleError, SignsInError, ErasedError, UnknownDiscountGroupError.
    """
    person = await _locked(transaction, person_id, if_version)
    changed = replace(domain.changed(person, changes), version=person.version + 1)
    group = changed.discount_group_id
    if group is not None and not await store.discount_group_exists(transaction, group):
        raise UnknownDiscountGroupError(field="discount_group_id")
    await store.save_person(transaction, changed)
    _publish(transaction, changed)
    return changed, changed.name != person.name


async def change_own_company(transaction: Transaction, caller: Caller, company: Mapping[str, str] | None) -> Person:
    """The customer says for which company they order."""
    await note_person(transaction, caller)
    person = await store.person_by_id(transaction, caller.id, lock=True)
    assert person is not None
    changed = replace(person, company=company, version=person.version + 1)
    await store.save_person(transaction, changed)
    return changed


async def erase_person(transaction: Transaction, person_id: UUID) -> Person:
    """Remove who it was; what hangs on the id stays.

    Raises:
        NotFoundError, ErasedError.
    """
    person = await store.person_by_id(transaction, person_id, lock=True)
    if person is None:
        raise NotFoundError
    gone = replace(domain.erased(person, transaction.now), version=person.version + 1)
    await store.save_person(transaction, gone)
    await store.erase_premises(transaction, person_id)
    _publish(transaction, gone)
    return gone


async def _locked(transaction: Transaction, person_id: UUID, if_version: int) -> Person:
    person = await store.person_by_id(transaction, person_id, lock=True)
    if person is None:
        raise NotFoundError
    if person.version != if_version:
        raise StaleError(version=person.version)
    return person


async def add_premises(
    transaction: Transaction, customer_id: UUID, *, title: str, address: str, location_id: UUID | None
) -> Premises:
    """Raises NotFoundError, ErasedError, TooManyPremisesError."""
    # The lock keeps two of these from passing the limit together.
    person = await store.person_by_id(transaction, customer_id, lock=True)
    if person is None:
        raise NotFoundError
    if person.erased_at is not None:
        raise domain.ErasedError
    if len(await store.premises_of(transaction, customer_id, limit=MOST_PREMISES)) == MOST_PREMISES:
        raise TooManyPremisesError(most=MOST_PREMISES)
    item = Premises(
        id=new_id(),
        customer_id=customer_id,
        title=title,
        address=address,
        location_id=location_id,
        active=True,
        version=1,
    )
    await store.save_premises(transaction, item)
    return item


async def change_premises(
    transaction: Transaction, premises_id: UUID, *, owner: UUID | None, if_version: int | None, **values: Any
) -> Premises:
    """`owner`: whose it must be; None: staff change anybody's.

    Raises:
        NotFoundError, StaleError.
    """
    item = await store.premises_by_id(transaction, premises_id, lock=True)
    if item is None or not item.active or (owner is not None and item.customer_id != owner):
        raise NotFoundError
    if if_version is not None and item.version != if_version:
        raise StaleError(version=item.version)
    changed = replace(item, **values, version=item.version + 1)
    await store.save_premises(transaction, changed)
    return changed


async def add_discount_group(transaction: Transaction, name: str) -> UUID:
    """Raises DiscountGroupExistsError."""
    id_ = new_id()
    await store.add_discount_group(transaction, id_, name)
    return id_
