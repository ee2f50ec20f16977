"""How a text search is gone about: by the texts that have the words, or by the orders that the filters leave.

Texts are found by their index. It costs as much as there is of each thing that it is asked for; so it is asked for the
rarest, until few texts are expected, and the others are compared. Where many are expected, a time is looked at first
that should have enough of them, and all time at last. Of what is found on one side, the newest first, the other side is
looked up, until there is enough.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ...ordering.tables import PERIOD, PERIOD_SHIFT
from .conditions import Arguments, Thing

#: So many texts are read at once gladly: what is asked of them further is then only compared.
FEW = 1_000
#: The newest texts, whose time is the measure of others.
NEWEST = 1_000
#: First the newest are looked at that should have so many texts, more of them where orders are asked for something that
#: texts do not know; then a time so many times as long, ...
ENOUGH, ENOUGH_TO_FILTER = 250, 500
SPANS = (1, 8)
#: ... each if what then comes would take longer than so much, and than so many times as long as the look.
LONG_MS, TIMES = 4.0, 1.5

# What things take, in milliseconds of PostgreSQL's.
#: To read a text that the index names, and to look up its order.
_READING = 2 / 1_000
#: To read an order and look up its text. Twice as much as measured: the index finds out soon that words and filters
#: have nothing in common, orders only at their end.
_READING_ORDER = 10 / 1_000
#: To pass by a text that the index has for one thing.
_PASSING = 0.012 / 1_000
#: To note a text of a time.
_NOTING = 0.06 / 1_000
#: The index looks at so many entries of one thing as quickly as at one.
_ENTRIES = 2

_PERIOD_OF_TEXT = PERIOD.format("s.order_id")
_NEWEST = (
    "SELECT (SELECT order_id FROM order_search ORDER BY order_id DESC LIMIT 1) AS top,"
    " (SELECT order_id FROM order_search{where} ORDER BY order_id DESC LIMIT 1) AS first,"
    " (SELECT order_id FROM order_search{where} ORDER BY order_id DESC OFFSET {newest} LIMIT 1) AS last"
)


@dataclass(frozen=True, slots=True)
class Ends:
    """A page begins with the newest order before the id `near`, all end with those after `far`; None: no such end."""

    near: UUID | None
    far: UUID | None


@dataclass(frozen=True, slots=True)
class Newest:
    """The first and the last of the newest texts between the ends, and the newest of all."""

    top: UUID
    first: UUID
    last: UUID

    @property
    def _periods(self) -> int:
        return max(_period(self.first) - _period(self.last), 1)

    def span(self, texts: float) -> UUID | None:
        """The id at the end of a time that has about so many texts; None: before all time."""
        reached = _period(self.first) - math.ceil(texts / NEWEST * self._periods)
        return UUID(int=reached << PERIOD_SHIFT) if reached > 0 else None

    def since(self, id_: UUID) -> float:
        """About how many texts there are from an id on."""
        return (_period(self.top) - _period(id_)) * NEWEST / self._periods


@dataclass(frozen=True, slots=True)
class Way:
    """A way to find texts.

    Attributes:
        chosen: the things that the index is asked for, the cheapest first: what all before do not have it passes by.
        texts: how many are expected.
        takes: milliseconds that are expected.
        since: the index is asked about the time from this id on; None: about all time.
        by_ids: not the index of words is asked, but the index of ids, about the time from `since` on.
    """

    chosen: Sequence[int]
    texts: float
    takes: float
    since: UUID | None = None
    by_ids: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What PostgreSQL expects.

    Attributes:
        all: texts.
        since: those of the time in question.
        orders: orders that the filters leave.
        having: texts that have each thing.
        dear: what they cost the index, in texts that it passes by.
    """

    all: float
    since: float
    orders: float
    having: Sequence[float]
    dear: Sequence[float]

    @property
    def texts(self) -> float:
        """How many have everything."""
        found = self.all
        for rank, share in enumerate(sorted(self._shares)):
            found *= _of_those(share, rank)
        return found

    @property
    def _shares(self) -> list[float]:
        return [min(having / max(self.all, 1), 1) for having in self.having]

    def way(self, among: float, since: UUID | None = None, *, noting: float = 0) -> Way:
        """The way to find what is among so many texts.

        Args:
            noting: how many texts there are of the time that the index is asked about.
        """
        part, shares = among / max(self.all, 1), self._shares
        texts, chosen, takes = among, list[int](), noting * _NOTING
        for rank, position in enumerate(sorted(range(len(self.dear)), key=self.dear.__getitem__)):
            passing = self.dear[position] * part * _PASSING
            left = texts * _of_those(shares[position], rank)
            if (chosen and (texts <= FEW or (texts - left) * _READING * TIMES < passing)) or passing == math.inf:
                break
            chosen.append(position)
            takes, texts = takes + passing, left
        return Way(chosen, texts, takes + texts * _READING, since)

    def whole_way(self, since: UUID | None) -> Way:
        """The way to find all; nothing is found that is not after the id."""
        ways = [self.way(self.all)]
        if since is not None:
            ways.append(self.way(self.since, since, noting=self.since))
        return min(ways, key=lambda way: way.takes)

    def ways_nearby(self, newest: Newest, enough: int) -> Iterator[Way]:
        """Ways to find what is among the newest texts, among more with each; among so many times `enough` that have
        what is asked."""
        for span in SPANS:
            within = self.all * span * enough / max(self.texts, 1)
            until = newest.span(within)
            if until is None or within > self.since:
                return
            by_ids = Way((), within, within * _READING, until, by_ids=True)
            yield min(self.way(within, until, noting=newest.since(until)), by_ids, key=lambda way: way.takes)

    @property
    def by_orders_takes(self) -> float:
        return self.orders * _READING_ORDER


def expecting(things: Sequence[Thing], since: UUID | None, filters: Sequence[str], argument: Arguments) -> str:
    """The statement that answers with `Expected`."""
    texts = [
        "true",
        "true" if since is None else _since(since, argument),
        *(thing.looked_up(argument) for thing in things),
    ]
    asked = [f"orders o WHERE {_all(filters)}", *(f"order_search s WHERE {condition}" for condition in texts)]
    parts = [f"SELECT {position} FROM {source}" for position, source in enumerate(asked)]  # noqa: S608 (text of ours)
    return f"EXPLAIN (VERBOSE, FORMAT JSON) {' UNION ALL '.join(parts)}"


def expected(plan: Any, things: Sequence[Thing]) -> Expected:
    """What EXPLAIN answered, as text or decoded."""
    whole = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    parts = whole["Plans"] if whole["Node Type"] == "Append" else [whole]
    # What cannot have any rows is not in the plan.
    rows = {int(part["Output"][0]): float(part["Plan Rows"]) for part in parts}
    orders, all_texts, since, *having = (rows.get(position, 0.0) for position in range(len(things) + 3))
    dear = [of_it * max(thing.entries / _ENTRIES, 1) for of_it, thing in zip(having, things, strict=True)]
    return Expected(all_texts, since, orders, having, dear)


def newest(ends: Ends, argument: Arguments) -> str:
    """The statement that answers with `Newest`; no `last`: there are no more."""
    where = [f"order_id {operator} {argument(end, 'uuid')}" for operator, end in _ends(ends)]
    between = f" WHERE {_all(where)}" if where else ""
    return _NEWEST.format(where=between, newest=NEWEST - 1)


def first_of(conditions: Sequence[str]) -> str:
    """The `first` order `o` for which one of these holds; each has an index that ends in the id."""
    each = [f"(SELECT id FROM orders o WHERE {condition} ORDER BY id LIMIT 1)" for condition in conditions]  # noqa: S608
    return f"SELECT least({', '.join(each)}) AS first"


@dataclass(frozen=True, slots=True)
class Sought:
    """What is asked for.

    Attributes:
        things: conditions on texts `s`.
        filters: conditions on orders `o`.
    """

    things: Sequence[Thing]
    filters: Sequence[str]
    ends: Ends


def by_texts(sought: Sought, way: Way, argument: Arguments) -> str:
    """Orders `o` of texts `s`, the newest first, as long as they are taken."""
    where = [sought.things[position].looked_up(argument) for position in way.chosen]
    where += [thing.compared(argument) for position, thing in enumerate(sought.things) if position not in way.chosen]
    if way.since is not None and not way.by_ids:
        where.append(_since(way.since, argument))
    far = [end for end in (sought.ends.far, way.since) if end is not None]
    for operator, end in _ends(Ends(sought.ends.near, max(far, default=None))):
        of_text = f"s.order_id {operator} {argument(end, 'uuid')}"
        where.append(of_text if way.by_ids else f"({of_text}) IS TRUE")
    texts = f"SELECT s.order_id FROM order_search s WHERE {_all(where)} ORDER BY s.order_id DESC OFFSET 0"  # noqa: S608
    order = f"SELECT * FROM orders o WHERE {_all(['o.id = s.order_id', *sought.filters])} OFFSET 0"  # noqa: S608
    return f"({texts}) AS s CROSS JOIN LATERAL ({order}) AS o"


def by_orders(sought: Sought, argument: Arguments) -> str:
    """Orders `o` among those `f` that the filters leave, the newest first, as long as they are taken."""
    orders = [*sought.filters, *(f"o.id {operator} {argument(end, 'uuid')}" for operator, end in _ends(sought.ends))]
    texts = ["s.order_id = f.order_id", *(thing.compared(argument) for thing in sought.things)]
    ids = f"SELECT o.id FROM orders o WHERE {_all(orders)} ORDER BY o.id DESC OFFSET 0"  # noqa: S608 (text of ours)
    text = f"SELECT FROM order_search s WHERE {_all(texts)} OFFSET 0"
    order = "SELECT * FROM orders o WHERE o.id = f.order_id OFFSET 0"
    return f"({ids}) AS f (order_id) CROSS JOIN LATERAL ({text}) AS s CROSS JOIN LATERAL ({order}) AS o"


def _of_those(share: float, rank: int) -> float:
    """Which part of the texts that have what is rarer has this too: as things go together, more than its share of all.
    Exponential back-off."""
    return float(share ** (0.5**rank))


def _since(id_: UUID, argument: Arguments) -> str:
    """Texts of a time, in the words of the index, and some before."""
    return f"{_PERIOD_OF_TEXT} >= {argument(_period(id_), 'int')}"


def _period(id_: UUID) -> int:
    return id_.int >> PERIOD_SHIFT


def _ends(ends: Ends) -> list[tuple[str, UUID]]:
    return [(operator, end) for operator, end in (("<", ends.near), (">", ends.far)) if end is not None]


def _all(where: Sequence[str]) -> str:
    return " AND ".join(where) or "true"
