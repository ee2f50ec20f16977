"""A customer as the business knows them: who they are, where they live, which discount group they are in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError

MOST_PREMISES = 100
Locale = Literal["ru", "en"]


class SignsInError(ConflictError):
    """This person signs in: their name and contacts come from the identity provider and change there."""

    title_en = "Changed at sign-in"
    title_ru = "Меняется в учётной записи"


class TooManyPremisesError(ConflictError):
    """A customer has at most 100 premises."""

    title_en = "Too many premises"
    title_ru = "Слишком много помещений"


class ErasedError(ConflictError):
    """This person was erased on their own demand."""

    title_en = "The person was erased"
    title_ru = "Данные этого человека удалены"


class UnknownDiscountGroupError(InvalidError):
    """There is no such discount group."""

    title_en = "Unknown discount group"
    title_ru = "Нет такой группы скидок"


class DiscountGroupExistsError(ConflictError):
    """There is a discount group of that name already."""

    title_en = "The group exists already"
    title_ru = "Такая группа уже есть"


@dataclass(frozen=True, slots=True)
class Person:
    """Attributes:
    source: `identity` (signs in), `staff` (entered by staff) or `guest` (bought without an account).
    company: what invoices need of a company: name, inn, kpp, address; as it was given.
    """

    id: UUID
    name: str
    locale: Locale
    email: str | None
    phone: str | None
    source: str
    company: Mapping[str, str] | None
    discount_group_id: UUID | None
    erased_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Premises:
    """An address of a customer. `location_id`: the location that serves it, whose staff see its orders."""

    id: UUID
    customer_id: UUID
    title: str
    address: str
    location_id: UUID | None
    active: bool
    version: int


def changed(person: Person, changes: Mapping[str, Any]) -> Person:
    """Staff correct what they entered, or say whose company and which discount group it is.

    Raises:
        SignsInError, ErasedError.
    """
    if person.erased_at is not None:
        raise ErasedError
    after = replace(person, **changes)
    same = (after.name, after.locale, after.email, after.phone) == (
        person.name,
        person.locale,
        person.email,
        person.phone,
    )
    if person.source == "identity" and not same:
        raise SignsInError
    return after


def erased(person: Person, now: datetime) -> Person:
    """Nothing that tells who it was; the id stays, since orders and money hang on it."""
    if person.erased_at is not None:
        raise ErasedError
    return replace(person, name="", email=None, phone=None, company=None, erased_at=now)
