"""Identifiers: UUID version 7 (RFC 9562), so that keys made later sort later."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

_last = UUID(int=0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def new_id(at: datetime | None = None) -> UUID:
    """A fresh UUIDv7, of this moment or of the instant `at`. Those of one millisecond ascend within a process."""
    global _last  # noqa: PLW0603
    if at is None:
        return uuid7()
    made = uuid7(nanoseconds=_microseconds(at) * 1000)
    if made <= _last and made.int >> 80 == _last.int >> 80:
        made = UUID(int=_last.int + 1)
    _last = made
    return made


def first_id_of(instant: datetime) -> UUID:
    """The lowest UUIDv7 of that millisecond: ids compare with it as their instants do (RFC 9562, 5.7)."""
    return UUID(int=((_microseconds(instant) // 1000) << 80) | (0x7 << 76) | (0b10 << 62))
