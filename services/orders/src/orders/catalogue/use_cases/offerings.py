"""Offerings are made and changed. Orders keep what they were placed under."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OfferingChanged

from .. import store
from ..domain import Kind, Offering, Terms, UnknownCategoryError, default_terms


async def create_offering(transaction: Transaction, *, kind: Kind, terms: Terms | None, **values: Any) -> Offering:
    """`values` are the other attributes of an `Offering`; without `terms` they are those usual for the kind.

    Raises:
        UnknownCategoryError.
        NotForOnlineSaleError, OfferingInvalidError, FormInvalidError: see `Offering.check`.
    """
    offering = Offering(id=new_id(), version=1, kind=kind, terms=terms or default_terms(kind), **values)
    await _keep(transaction, offering)
    return offering


async def change_offering(
    transaction: Transaction, offering_id: UUID, *, if_version: int, terms: Terms | None, **values: Any
) -> Offering:
    """Replace all but the kind.

    Raises:
        NotFoundError, StaleError: no such offering; it has another version than `if_version`.
        UnknownCategoryError.
        NotForOnlineSaleError, OfferingInvalidError, FormInvalidError: see `Offering.check`.
    """
    current = await store.offering_by_id(transaction, offering_id, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    offering = replace(current, version=current.version + 1, terms=terms or default_terms(current.kind), **values)
    await _keep(transaction, offering)
    return offering


async def _keep(transaction: Transaction, offering: Offering) -> None:
    offering.check()
    if offering.category_id is not None and not await store.category_stays(transaction, offering.category_id):
        raise UnknownCategoryError(field="category_id")
    await store.save_offering(transaction, offering)
    transaction.publish(
        OfferingChanged(
            offering_id=offering.id,
            title=offering.title,
            kind=offering.kind.value,
            terms=offering.terms.value,
            active=offering.active,
            dialog_before_order=offering.dialog_before_order,
            refunds_allowed=offering.refunds_allowed,
            responsible_ids=list(offering.responsible_ids),
            location_ids=list(offering.location_ids),
            legal_entity_id=offering.legal_entity_id,
            membership_type_id=offering.membership_type_id,
        ),
        subject=offering.id,
        sequence=offering.version,
    )
