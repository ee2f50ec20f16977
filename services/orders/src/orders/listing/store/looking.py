"""Where a text search looks: at the newest texts first, then by the index, in ever longer spans of time.

Words that many orders have are found at once near the top, words that few have by the index of trigrams. The index
costs as much as there is of each word in the time that it is asked about: all time is asked about at last.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ...ordering.tables import PERIOD, PERIOD_SHIFT
from ..domain import Words
from .conditions import Arguments, like, roughly_like

#: Texts that are walked before the index is asked.
WALKED = 3_000
#: The index is asked about times so many times as long as the walked texts took, one after the other, and at last about
#: all time.
SPANS = (8, 64)

_PERIOD_OF_TEXT = PERIOD.format("s.order_id")
_WALK = (
    "SELECT (SELECT order_id FROM order_search{where} ORDER BY order_id DESC LIMIT 1) AS first,"
    " (SELECT order_id FROM order_search{where} ORDER BY order_id DESC OFFSET {walked} LIMIT 1) AS last"
)


@dataclass(frozen=True, slots=True)
class Ends:
    """A page begins with the newest order before the id `near`, all end with those after `far`; None: no such end."""

    near: UUID | None
    far: UUID | None


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search is for: words in texts `s`. `filters` are conditions on their orders `o`; `filed` says of the texts
    what the filters say of orders."""

    words: Words
    filters: Sequence[str]
    filed: Sequence[str]
    ends: Ends


@dataclass(frozen=True, slots=True)
class Walked:
    """The orders that a walk began and ended with."""

    first: UUID
    last: UUID


#: A look: what is sought, the statement's arguments, how many ids are wanted → SQL of the newest ids.
Look = Callable[[Sought, Arguments, str], str]


def walking(sought: Sought, argument: Arguments, limit: str) -> str:
    """The newest ids among the texts that are walked."""
    # The order of the walk is the order of the page, so that it ends when the page is full.
    where = _between(sought.ends, argument)
    texts = f"SELECT * FROM order_search{where} ORDER BY order_id DESC LIMIT {argument(WALKED, 'int')}"  # noqa: S608
    return _ids(
        f"({texts}) AS s JOIN orders o ON o.id = s.order_id",
        [*like("s.text", sought.words, argument), *sought.filed, *sought.filters],
        f"s.order_id DESC LIMIT {limit}",
    )


def walk(ends: Ends, argument: Arguments) -> str:
    """What the walk began and ended with, as `first` and `last`; no `last`: it has seen everything."""
    return _WALK.format(where=_between(ends, argument), walked=argument(WALKED - 1, "int"))


def bounds(ends: Ends, walked: Walked) -> Iterator[UUID | None]:
    """Down to which ids the index is asked, one after the other; at last to the far end."""
    begun = _period(walked.first)
    for span in SPANS:
        reached = begun - span * max(begun - _period(walked.last), 1)
        until = UUID(int=max(reached, 0) << PERIOD_SHIFT)
        if reached <= 0 or (ends.far is not None and until <= ends.far):
            break
        yield until
    yield ends.far


def down_to(until: UUID | None) -> Look:
    """The newest ids down to there, by whichever of the indexes PostgreSQL thinks best."""

    def look(sought: Sought, argument: Arguments, limit: str) -> str:
        where = [*sought.filed, *sought.filters]
        if sought.ends.near is not None:
            where += _side("<", sought.ends.near, argument)
        if until is not None:
            where += _side(">=", until, argument)
        return _ids(found_by_words(where, sought.words, argument), (), f"o.id DESC LIMIT {limit}")

    return look


def found_by_words(where: Sequence[str], words: Words, argument: Arguments) -> str:
    """Orders `o`, by words and by conditions on their texts `s` and on themselves, in no order.

    Everything is found before it is put in order: a plan that walks the orders in order until a page is full would be a
    bet on words and filters being independent. The words whole come after that too: beside what the index is asked for
    them PostgreSQL would expect far too few.
    """
    roughly = _all([*roughly_like("s.text", words, argument), *where])
    found = (
        f"SELECT o.id, o.status, o.label, s.text FROM order_search s JOIN orders o ON o.id = s.order_id WHERE {roughly}"  # noqa: S608
    )
    return f"(SELECT s.* FROM ({found} OFFSET 0) AS s WHERE {_all(like('s.text', words, argument))}) AS o"  # noqa: S608


def _side(operator: Literal["<", ">="], id_: UUID, argument: Arguments) -> list[str]:
    """Orders on one side of an id; and the same of their texts, in the words of the index."""
    loosely = "<=" if operator == "<" else operator
    return [
        f"o.id {operator} {argument(id_, 'uuid')}",
        f"{_PERIOD_OF_TEXT} {loosely} {argument(_period(id_), 'int')}",
    ]


def _period(id_: UUID) -> int:
    return id_.int >> PERIOD_SHIFT


def _between(ends: Ends, argument: Arguments) -> str:
    where = []
    if ends.near is not None:
        where.append(f"order_id < {argument(ends.near, 'uuid')}")
    if ends.far is not None:
        where.append(f"order_id > {argument(ends.far, 'uuid')}")
    return f" WHERE {_all(where)}" if where else ""


def _ids(rows: str, where: Sequence[str], order: str) -> str:
    # All of it is text of ours, see `conditions`.
    return f"SELECT o.id FROM {rows} WHERE {_all(where)} ORDER BY {order}"  # noqa: S608


def _all(where: Sequence[str]) -> str:
    return " AND ".join(where) or "true"
