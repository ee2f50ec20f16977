"""Where a text search looks: at the newest texts first, then by the index, in ever longer spans of time.

Words that many orders have are found at once near the top, words that few have by the index of trigrams. The index
costs as much as there is of each word in the time that it is asked about: all time is asked about at last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from ...ordering.tables import PERIOD, PERIOD_SHIFT
from ..domain import Words
from .conditions import Arguments, like, roughly_like

#: Texts that are walked before the index is asked.
WALKED = 3_000
#: The index is asked about times so many times as long as the walked texts took, one after the other; None: all time.
SPANS = (8, 64, None)

_PERIOD_OF_TEXT = PERIOD.format("s.order_id")
_WALK = (
    "SELECT (SELECT order_id FROM order_search{where} ORDER BY order_id{direction} LIMIT 1) AS first,"
    " (SELECT order_id FROM order_search{where} ORDER BY order_id{direction} OFFSET {walked} LIMIT 1) AS last"
)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search is for. `filters` are conditions on orders `o`; `filed` says of their texts `s` what the filters
    say of orders. The page begins after the id `near`, and all there is ends before `far`; None: no such end.
    """

    words: Words
    filters: Sequence[str]
    filed: Sequence[str]
    near: UUID | None
    far: UUID | None
    ascending: bool

    @property
    def direction(self) -> str:
        return "" if self.ascending else " DESC"

    @property
    def onwards(self) -> str:
        return ">" if self.ascending else "<"


@dataclass(frozen=True, slots=True)
class Walked:
    """The orders that a walk began and ended with."""

    first: UUID
    last: UUID


#: A look: the condition of a search, its arguments, how many ids are wanted → SQL of the first ids in question.
Look = Callable[[Sought, Arguments, str], str]


def walking(sought: Sought, argument: Arguments, limit: str) -> str:
    """The first ids among the texts that are walked."""
    # The order of the walk is the order of the page, so that it ends when the page is full.
    where = _between(sought, argument)
    walked = argument(WALKED, "int")
    texts = f"SELECT * FROM order_search{where} ORDER BY order_id{sought.direction} LIMIT {walked}"  # noqa: S608
    return _ids(
        f"({texts}) AS s JOIN orders o ON o.id = s.order_id",
        [*like("s.text", sought.words, argument), *sought.filed, *sought.filters],
        f"s.order_id{sought.direction} LIMIT {limit}",
    )


def walk(sought: Sought, argument: Arguments) -> str:
    """What the walk began and ended with, as `first` and `last`; no `last`: it has seen everything."""
    where = _between(sought, argument)
    return _WALK.format(where=where, direction=sought.direction, walked=argument(WALKED - 1, "int"))


def in_span(walked: Walked, span: int | None) -> Look:
    """The first ids in that many times the time that was walked, by whichever of the indexes PostgreSQL thinks best."""

    def look(sought: Sought, argument: Arguments, limit: str) -> str:
        where = [*sought.filed, *sought.filters]
        if sought.near is not None:
            where += _side(sought.onwards, sought.near, argument)
        until = _bound(sought, walked, span)
        if until is not None:
            where += _side("<=" if sought.ascending else ">=", until, argument)
        return _ids(found_by_words(where, sought.words, argument), (), f"o.id{sought.direction} LIMIT {limit}")

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


def _bound(sought: Sought, walked: Walked, span: int | None) -> UUID | None:
    """Up to which id the index is asked."""
    if span is None:
        return sought.far
    begun, ended = _period(walked.first), _period(walked.last)
    step = span * max(abs(ended - begun), 1)
    reached = begun + step if sought.ascending else begun - step
    until = UUID(int=max(reached, 0) << PERIOD_SHIFT)
    if sought.far is not None and (until > sought.far) == sought.ascending:
        return sought.far
    return until


def _side(operator: str, id_: UUID, argument: Arguments) -> list[str]:
    """Orders on one side of an id; and the same of their texts, in the words of the index."""
    loosely = operator if operator.endswith("=") else f"{operator}="
    return [
        f"o.id {operator} {argument(id_, 'uuid')}",
        f"{_PERIOD_OF_TEXT} {loosely} {argument(_period(id_), 'int')}",
    ]


def _period(id_: UUID) -> int:
    return id_.int >> PERIOD_SHIFT


def _between(sought: Sought, argument: Arguments) -> str:
    ends = []
    if sought.near is not None:
        ends.append(f"order_id {sought.onwards} {argument(sought.near, 'uuid')}")
    if sought.far is not None:
        ends.append(f"order_id {'<' if sought.ascending else '>'} {argument(sought.far, 'uuid')}")
    return f" WHERE {_all(ends)}" if ends else ""


def _ids(rows: str, where: Sequence[str], order: str) -> str:
    # All of it is text of ours, see `conditions`.
    return f"SELECT o.id FROM {rows} WHERE {_all(where)} ORDER BY {order}"  # noqa: S608


def _all(where: Sequence[str]) -> str:
    return " AND ".join(where) or "true"
