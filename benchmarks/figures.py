"""What a bench says: figures, and the few statistics behind them."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

MILLISECONDS = 1000.0


class BenchError(Exception):
    """A bench could not measure: something answered wrongly, or did not come to rest in time."""


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        name: as in the table of goals; variants follow a slash (`hop/600`).
        limit, ours: in `unit`, each the median of the rounds; `limit` is None where nothing stands beside it.
        ratio: ours / limit, of rates and of times alike.
        goal: in words; `ok` says whether it is met, None where the row has no goal of its own.
        p50_ms, p99_ms: of single requests or events, over all rounds.
        beside: what else used the machine meanwhile.
    """

    name: str
    what: str
    unit: str
    limit: float | None
    ours: float
    goal: str
    ok: bool | None
    p50_ms: float | None = None
    p99_ms: float | None = None
    beside: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.limit if self.limit else None

    def as_json(self) -> dict[str, Any]:
        """The row for machines; figures are rounded to what they are worth."""
        row: dict[str, Any] = {**asdict(self), "ratio": self.ratio}
        return {key: _rounded(value) if isinstance(value, float) else value for key, value in row.items()}


def _rounded(value: float) -> float:
    """Four significant digits."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, 3 - math.floor(math.log10(abs(value))))


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `percent` % of all do not exceed.

    Raises:
        ValueError: there are no values, or `percent` is not in (0, 100].
    """
    if not values or not 0 < percent <= 100:
        raise ValueError(f"no {percent} % of {len(values)} values")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def p50_ms(seconds: Sequence[float]) -> float:
    return percentile(seconds, 50) * MILLISECONDS


def p99_ms(seconds: Sequence[float]) -> float:
    return percentile(seconds, 99) * MILLISECONDS


async def in_turn(rounds: int, *measures: Callable[[], Awaitable[float]]) -> list[float]:
    """The median of each measure over the rounds; in every round each has its turn, so that what disturbs the machine
    for a while disturbs all of them."""
    results: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for result, measure in zip(results, measures, strict=True):
            result.append(await measure())
    return [median(result) for result in results]
