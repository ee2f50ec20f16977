"""People and administrators say what is told by which channel, and when not."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import StaleError

from ..domain.audience import wishes_for
from ..domain.preferences import QuietHours, Wish, checked
from ..domain.rules import Channel
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
    await store.next_version(transaction, role)
    await store.set_of_role(transaction, role, checked(wishes))


async def set_rules_of_role(
    transaction: Transaction, role: str, lines: Sequence[tuple[str, bool, Sequence[Channel]]], *, version: int
) -> tuple[dict[Wish, bool], int]:
    """What people with this role are told from now on: (template, whether told, channels). How it is kept, and the new
    version.

    Raises:
        StaleError: somebody changed it since `version`.
        UnknownRuleError, ChannelNotOfRuleError, NoChannelLeftError, CriticalNotificationError
    """
    wishes: dict[Wish, bool] = {}
    for template, told, channels in lines:
        wishes |= wishes_for(role, template, told=told, channels=channels)
    changed = await store.next_version(transaction, role, after=version)
    if changed is None:
        raise StaleError
    await store.set_of_role(transaction, role, wishes)
    return wishes, changed


async def forget(transaction: Transaction, person_id: UUID) -> None:
    """A person is erased."""
    await store.set_own(transaction, person_id, {})
    await store.set_quiet(transaction, person_id, None)
