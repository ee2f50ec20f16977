"""Offerings are made and changed. Orders keep what they were placed under."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OfferingChanged

from . import store
from .domain import Offering


async def create_offering(transaction: Transaction, **values: Any) -> Offering:
    """`values` are the attributes of an `Offering` but its id and version.

    Raises:
        NotForOnlineSaleError, OfferingInvalidError, FormInvalidError: see `Offering.check`.
    """
    offering = Offering(id=new_id(), version=1, **values)
    await _keep(transaction, offering)
    return offering


async def change_offering(transaction: Transaction, offering_id: UUID, *, if_version: int, **values: Any) -> Offering:
    """Replace all but the kind.

    Raises:
        NotFoundError, StaleError: no such offering; it has another version than `if_version`.
        NotForOnlineSaleError, OfferingInvalidError, FormInvalidError: see `Offering.check`.
    """
    current = await store.offering_by_id(transaction, offering_id, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    offering = replace(current, version=current.version + 1, **values)
    await _keep(transaction, offering)
    return offering


async def _keep(transaction: Transaction, offering: Offering) -> None:
    offering.check()
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
