"""The places of an order, locked for who moves them or gives some of them up."""

from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError

from .. import store
from ..domain import OrderCopy, Reservation


async def find_locked(
    transaction: Transaction,
    order_id: UUID,
    *,
    customer_id: UUID | None = None,
    to_resource_id: UUID | None = None,
    if_version: int | None,
) -> tuple[OrderCopy, Reservation]:
    """The newest reservation of an order, alone at all its resources and at `to_resource_id`.

    `customer_id`: whose order it has to be; None: anybody's.

    Raises:
        NotFoundError: the order has no places, or is not the customer's.
        StaleError: the reservation has another version than `if_version`, or was moved in this moment.
    """
    order = await store.order_copy(transaction, order_id)
    known = await store.latest_of(transaction, order_id)
    if order is None or known is None or (customer_id is not None and order.applicant_id != customer_id):
        raise NotFoundError
    resource_ids = known.resource_ids | ({to_resource_id} if to_resource_id is not None else set())
    await store.lock_places(transaction, resource_ids=resource_ids)
    reservation = (await store.latest_locked(transaction, [order_id]))[order_id]
    if (if_version is not None and reservation.version != if_version) or not reservation.resource_ids <= resource_ids:
        raise StaleError(version=reservation.version, state={"status": reservation.status.value})
    return order, reservation
