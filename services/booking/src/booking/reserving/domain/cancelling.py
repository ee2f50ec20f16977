"""By when to cancel, and what it costs, as it was when the order was placed (X4). Orders decides about the money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CancellationStep:
    """Cancelled less than `hours_before` the beginning, `fee_percent` of what was paid is kept."""

    hours_before: int
    fee_percent: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Until this instant, which still counts, cancelling costs `fee_percent` of what was paid."""

    until: datetime
    fee_percent: int


def notices(steps: Sequence[CancellationStep], starts_at: datetime) -> list[Notice]:
    """By when to cancel what begins at `starts_at`, for how much: one after the other up to the beginning, fees that
    only rise. Hours are elapsed ones, also over a change of clocks, as orders counts them: the largest fee of the
    steps whose hours are more than the notice that is given."""
    found: list[Notice] = []
    fee = 0
    for step in sorted(steps, key=lambda step: -step.hours_before):
        _add(found, Notice(starts_at - timedelta(hours=step.hours_before), fee))
        fee = max(fee, step.fee_percent)
    _add(found, Notice(starts_at, fee))
    return found


def _add(found: list[Notice], notice: Notice) -> None:
    if found and notice.until <= found[-1].until:
        return
    if found and notice.fee_percent == found[-1].fee_percent:
        found.pop()
    found.append(notice)


def free_until(notices: Sequence[Notice]) -> datetime | None:
    """None: it costs something from the first."""
    return next((notice.until for notice in notices if notice.fee_percent == 0), None)
