"""What the list of orders can be asked for (B3, B4), and who may see what of it (B1)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from foyer_chassis.errors import InvalidError

#: Shorter words are in too many texts to be searched for alone.
SHORTEST_WORD = 3
#: Fewer digits are not looked for within the number of an order: they are of a house or a floor, or the whole number.
NUMBER_DIGITS = 4
#: From so many digits on a search is for a phone; numbers of orders are shorter.
PHONE_DIGITS = 10
MOST_WORDS = 8
#: Statuses in which nothing is late any more; as the partial index of open orders has them.
CLOSED = ("done", "cancelled", "cancelled_refunding", "cancelled_refunded", "removed")


class SearchTooShortError(InvalidError):
    """At least one word of the search must have three characters."""

    title_en = "Enter at least three characters"
    title_ru = "Введите не меньше трёх символов"


class UnknownCursorError(InvalidError):
    """`after` is not what a page gave as `next`."""

    title_en = "Unknown page"
    title_ru = "Неизвестная страница"


@dataclass(frozen=True, slots=True)
class Words:
    """A text search: every word must occur, in any place; one of two characters or less at the beginning of a word; one
    of three digits or less not within the number of the order, but as the whole of it."""

    words: tuple[str, ...]
    phone_digits: str | None = None

    @classmethod
    def of(cls, query: str) -> "Words":
        """Raises SearchTooShortError."""
        words = tuple(dict.fromkeys(query.lower().split()))[:MOST_WORDS]
        digits = "".join(filter(str.isdigit, query))
        if len(digits) >= PHONE_DIGITS and not any(letter.isalpha() for letter in query):
            return cls((), digits)
        if not any(len(word) >= SHORTEST_WORD for word in words):
            raise SearchTooShortError(field="q", shortest=SHORTEST_WORD)
        return cls(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All of them hold together; within one, any of its values. None and empty do not filter.

    Attributes:
        statuses: codes of the directory, built-in or the business's own.
        assignee_id, unassigned: whose work it is, or nobody's.
        created_from, created_before: from the one instant up to the other.
        paid: every invoice issued is paid, or not every one.
        overdue: a deadline is over, as of now.
    """

    words: Words | None = None
    statuses: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    offering_ids: tuple[UUID, ...] = ()
    assignee_ids: tuple[UUID, ...] = ()
    unassigned: bool = False
    location_ids: tuple[UUID, ...] = ()
    applicant_id: UUID | None = None
    premises_id: UUID | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    paid: bool | None = None
    refund_states: tuple[str, ...] = ()
    ratings: tuple[int, ...] = ()
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which orders the caller may see at all: their own, those of their kinds, those assigned to them; of their
    locations only, where they are limited to some."""

    own: UUID | None = None
    all_of: frozenset[str] = frozenset()
    assigned_of: frozenset[str] = frozenset()
    assignee: UUID | None = None
    locations: tuple[UUID, ...] = ()

    @property
    def sees_nothing(self) -> bool:
        return self.own is None and not self.all_of and not self.assigned_of


Sorting = Literal["newest", "oldest", "unread"]


def uuids(texts: Collection[str]) -> tuple[UUID, ...]:
    """Those of the texts that are UUIDs; a claim that is none reaches no location."""
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return tuple(found)
