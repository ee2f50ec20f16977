"""Staff take a resource out of use for a time: repairs, a private event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from foyer_chassis.errors import InvalidError

LONGEST = timedelta(days=366)


class BlockTimeInvalidError(InvalidError):
    """A block ends after it begins and after now, and is not longer than a year."""

    title_en = "Such a block is not possible"
    title_ru = "Заблокировать на такое время нельзя"


@dataclass(frozen=True, slots=True)
class Block:
    """A resource is nobody's from `starts_at` to `ends_at`, which need not lie on the grid of slots.

    Attributes:
        reason: for staff only.
        created_by: the member of staff.
    """

    id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    created_by: UUID


def check_time(starts_at: datetime, ends_at: datetime, *, now: datetime) -> None:
    """Raises BlockTimeInvalidError."""
    if ends_at <= starts_at or ends_at <= now:
        raise BlockTimeInvalidError(field="ends_at")
    if ends_at - starts_at > LONGEST:
        raise BlockTimeInvalidError(field="ends_at", most_days=LONGEST.days)
