"""Where a text search looks: at the newest first, at the index where it knows few, at everything last.

Words that many orders have are found at once near the top, words that few have by the index of trigrams. Neither is
quick for the other half, so each look is bounded and says whether it has seen all there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from .conditions import Arguments


class Look(Enum):
    """How to go about it."""

    #: Walk the newest texts.
    TEXTS = auto()
    #: Walk the newest orders that pass all other filters; each has an index in the order of the walk.
    FILTERED = auto()
    #: Ask the index, and give up where it knows more than a few.
    FEW = auto()
    #: Ask the index, however many it knows.
    ALL = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """A look, and how many rows it takes at most; None: as many as there are."""

    look: Look
    most: int | None


#: For words alone, and for words beside filters that an index serves.
BY_WORDS = (Step(Look.TEXTS, 3_000), Step(Look.FEW, 8_000), Step(Look.TEXTS, 30_000), Step(Look.ALL, None))
BY_FILTERS = (Step(Look.FILTERED, 3_000), Step(Look.FEW, 8_000), Step(Look.FILTERED, 15_000), Step(Look.ALL, None))


@dataclass(frozen=True, slots=True)
class Sought:
    """Conditions of a search. `filters` are on orders `o`, `words` on texts `s`; `filed` says of texts what `filters`
    say of orders. `beyond` is the cursor of the page, as an operator and its argument; None on the first."""

    filters: Sequence[str]
    words: Sequence[str]
    filed: Sequence[str]
    beyond: str | None
    ascending: bool


@dataclass(frozen=True, slots=True)
class Looking:
    """A statement's parts: the newest ids that are found, as a subquery; what was looked at for them, as another that
    stands before it under the name `looked_at`, where counting it tells whether that was everything."""

    found: str
    looked_at: str | None = None


def looking(step: Step, sought: Sought, argument: Arguments, limit: str) -> Looking:
    direction = "" if sought.ascending else " DESC"
    beyond = [] if sought.beyond is None else [f"o.id {sought.beyond}"]
    most = "" if step.most is None else argument(step.most, "int")
    newest = f"o.id{direction}"
    words = [*sought.words, *sought.filed]
    match step.look:
        case Look.TEXTS:
            # The order of the walk is the order of the page, so that it ends when the page is full.
            walked = "" if sought.beyond is None else f" WHERE order_id {sought.beyond}"
            texts = f"SELECT * FROM order_search{walked} ORDER BY order_id{direction} LIMIT {most}"  # noqa: S608
            return Looking(
                _ids(
                    f"({texts}) AS s JOIN orders o ON o.id = s.order_id",
                    [*words, *sought.filters],
                    f"s.order_id{direction} LIMIT {limit}",
                )
            )
        case Look.FILTERED:
            return Looking(
                _ids("looked_at AS o JOIN order_search s ON s.order_id = o.id", words, f"{newest} LIMIT {limit}"),
                _ids("orders o", [*sought.filters, *beyond], f"{newest} LIMIT {most}"),
            )
        case Look.FEW:
            return Looking(
                _ids(
                    "looked_at JOIN orders o ON o.id = looked_at.order_id",
                    [*sought.filters, *beyond],
                    f"{newest} LIMIT {limit}",
                ),
                f"SELECT s.order_id FROM order_search s WHERE {_all(words)} LIMIT {most}",  # noqa: S608
            )
        case Look.ALL:
            found = found_by_words([*words, *sought.filters, *beyond])
            return Looking(_ids(found, (), f"{newest} LIMIT {limit}"))


def found_by_words(where: Sequence[str]) -> str:
    """Orders `o`, by conditions on their texts `s` and on themselves, in no order.

    Everything is found before it is put in order: a plan that walks the orders in order until a page is full would be a
    bet on words and filters being independent.
    """
    return (
        "(SELECT o.id, o.status, o.label FROM order_search s JOIN orders o ON o.id = s.order_id"  # noqa: S608
        f" WHERE {_all(where)} OFFSET 0) AS o"
    )


def _ids(rows: str, where: Sequence[str], order: str) -> str:
    # All of it is text of ours, see `conditions`.
    return f"SELECT o.id FROM {rows} WHERE {_all(where)} ORDER BY {order}"  # noqa: S608


def _all(where: Sequence[str]) -> str:
    return " AND ".join(where) or "true"
