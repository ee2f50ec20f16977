"""A text search: the looks that find what is searched for, one after the other."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from foyer_chassis.db import Direct

from . import looking
from .conditions import Arguments, Thing
from .looking import ENOUGH, ENOUGH_TO_FILTER, LONG_MS, TIMES, Ends, Expected, Newest, Sought, Way


@dataclass(frozen=True, slots=True)
class Look:
    """Orders `o` that are selected, with the arguments.

    Attributes:
        order: the id that they are in order by.
        planned_anew: which plan is best depends on the arguments.
    """

    sql: str
    argument: Arguments
    order: str
    planned_anew: bool


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for.

    Attributes:
        things: what is asked of texts: words, and what their index knows beside.
        filters: conditions on orders.
        since: nothing is found that is not after this id, even without the far end; None: no such id is known.
        is_filtered: orders are asked for something that texts do not know.
    """

    things: Sequence[Thing]
    filters: Callable[[Arguments], Sequence[str]]
    ends: Ends
    since: UUID | None
    is_filtered: bool

    async def expected(self, direct: Direct) -> Expected:
        argument = Arguments()
        statement = looking.expecting(self.things, self.since, self.filters(argument), argument)
        row = await direct.row(statement, *argument.values)
        assert row is not None
        return looking.expected(row[0], self.things)

    async def looks(self, direct: Direct) -> AsyncIterator[Look]:
        """Among more with each look, among all with the last."""
        if (alone := self._alone()) is not None:
            yield self.by_texts(alone)
            return
        expected = await self.expected(direct)
        way = expected.whole_way(self.since)
        takes = min(way.takes, expected.by_orders_takes)
        newest = await self._newest(direct) if takes > LONG_MS else None
        if newest is not None:
            for nearby in expected.ways_nearby(newest, ENOUGH_TO_FILTER if self.is_filtered else ENOUGH):
                if takes > nearby.takes * TIMES:
                    yield self.by_texts(nearby)
        yield self.by_texts(way) if way.takes <= expected.by_orders_takes else self._by_orders()

    def _alone(self) -> Way | None:
        """The way by a thing that is known to be of few texts; None: nobody knows without asking."""
        known = [position for position, thing in enumerate(self.things) if thing.texts is not None]
        return Way(known[:1], 0, 0) if known else None

    def by_texts(self, way: Way) -> Look:
        argument = Arguments()
        return Look(looking.by_texts(self._sought(argument), way, argument), argument, "s.order_id", planned_anew=False)

    def _by_orders(self) -> Look:
        argument = Arguments()
        return Look(looking.by_orders(self._sought(argument), argument), argument, "f.order_id", planned_anew=True)

    async def _newest(self, direct: Direct) -> Newest | None:
        """None: there are not so many."""
        argument = Arguments()
        row = await direct.row(looking.newest(self.ends, argument), *argument.values)
        assert row is not None
        return None if row["last"] is None else Newest(row["top"], row["first"], row["last"])

    def _sought(self, argument: Arguments) -> Sought:
        return Sought(self.things, self.filters(argument), self.ends)
