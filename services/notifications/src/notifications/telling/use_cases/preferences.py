"""People and administrators say what is told by which channel, and when not."""

from collections.abc import Mapping
from uuid import UUID

from foyer_chassis.db import Transaction

from ..domain.preferences import QuietHours, Wish, checked
from ..store import deliveries
from ..store import preferences as store


async def set_own(
    transaction: Transaction, person_id: UUID, wishes: Mapping[Wish, bool], quiet: QuietHours | None
) -> None:
    """A person's wishes and quiet hours from now on, also for what is waiting already.

    Raises:
        UnknownWishError, CriticalNotificationError
    """
    await store.set_own(transaction, person_id, checked(wishes))
    await store.set_quiet(transaction, person_id, quiet)
    await deliveries.wake_of_recipient(transaction, person_id)


async def set_of_role(transaction: Transaction, role: str, wishes: Mapping[Wish, bool]) -> None:
    """What people with this role are told, where they have no wishes of their own (B12).

    Raises:
        UnknownWishError, CriticalNotificationError
    """
    await store.set_of_role(transaction, role, checked(wishes))


async def forget(transaction: Transaction, person_id: UUID) -> None:
    """A person is erased."""
    await store.set_own(transaction, person_id, {})
    await store.set_quiet(transaction, person_id, None)
