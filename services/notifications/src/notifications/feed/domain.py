"""Who a feed entry is for: a person, or everybody who has a role."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.errors import TooManyRequestsError, UnavailableError

#: More unread entries than this are told as this many.
MOST_UNREAD = 1000


def to_person(person_id: UUID) -> str:
    return f"person:{person_id}"


def to_role(role: str) -> str:
    return f"role:{role}"


def addressees_of(person_id: UUID, roles: Iterable[str]) -> list[str]:
    """All addressees whose entries this person sees."""
    return [to_person(person_id), *(to_role(role) for role in sorted(roles))]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a feed; its text is made from `template` and `facts` when somebody reads it.

    `position` ascends in the order in which entries became visible, over the whole table; ids do not quite.
    """

    id: UUID
    event_id: UUID
    addressee: str
    template: str
    facts: Mapping[str, Any]
    order_id: UUID | None
    created_at: datetime
    position: int | None = None


#: Open streams of one person: a few devices with a few windows each.
MOST_STREAMS_OF_ONE = 10


class TooManyStreamsError(TooManyRequestsError):
    """The caller follows their feed from too many places at once; `allowed` says how many there may be."""

    title_en = "Too many live feeds"
    title_ru = "Слишком много открытых лент"


class Streams:
    """The live feeds that a process has open; never more than `most`, so that they cannot eat its memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[UUID] = Counter()

    @contextmanager
    def one_of(self, person_id: UUID) -> Iterator[None]:
        """A place for one more.

        Raises:
            TooManyStreamsError: this person has as many as one may have.
            UnavailableError: the process has no place left.
        """
        if self._open[person_id] >= MOST_STREAMS_OF_ONE:
            raise TooManyStreamsError(allowed=MOST_STREAMS_OF_ONE, retry_after_seconds=30)
        if self._open.total() >= self._most:
            raise UnavailableError(retry_after_seconds=5)
        self._open[person_id] += 1
        try:
            yield
        finally:
            self._open[person_id] -= 1
            if not self._open[person_id]:
                del self._open[person_id]
