"""Offerings are made and changed. Orders keep what they were placed under."""

from dataclasses import replace
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id

from . import store
from .domain import Kind, Offering


async def create_offering(
    transaction: Transaction,
    *,
    title: str,
    kind: Kind,
    prepaid: bool,
    customer_may_cancel: bool,
    responsible_ids: tuple[UUID, ...],
    resource_ids: tuple[UUID, ...],
    active: bool,
) -> Offering:
    offering = Offering(
        id=new_id(),
        title=title,
        kind=kind,
        prepaid=prepaid,
        customer_may_cancel=customer_may_cancel,
        responsible_ids=responsible_ids,
        resource_ids=resource_ids,
        active=active,
        version=1,
    )
    await store.save_offering(transaction, offering)
    return offering


async def change_offering(
    transaction: Transaction,
    offering_id: UUID,
    *,
    title: str,
    prepaid: bool,
    customer_may_cancel: bool,
    responsible_ids: tuple[UUID, ...],
    resource_ids: tuple[UUID, ...],
    active: bool,
    if_version: int,
) -> Offering:
    """Replace all but the kind.

    Raises:
        NotFoundError, StaleError: no such offering; it has another version than `if_version`.
    """
    current = await store.offering_by_id(transaction, offering_id, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    offering = replace(
        current,
        title=title,
        prepaid=prepaid,
        customer_may_cancel=customer_may_cancel,
        responsible_ids=responsible_ids,
        resource_ids=resource_ids,
        active=active,
        version=current.version + 1,
    )
    await store.save_offering(transaction, offering)
    return offering
