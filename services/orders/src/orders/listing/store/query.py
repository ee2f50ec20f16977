"""What a list is asked for: its conditions, and how a text search for it is gone about.

Every filter has an index that ends in the order's id, which ascends with time; pages go by it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Direct, Transaction
from foyer_contracts.ids import first_id_of

from ..domain import CLOSED, Filters, Scope
from . import conditions
from .conditions import Arguments
from .looking import Ends, first_of
from .search import Search
from .vocabulary import known

#: The digits of a phone without the country's code, which people write as +7 or as 8.
PHONE_TAIL = 10
MOST_PEOPLE = 200

_PEOPLE = f"SELECT id FROM people WHERE phone_digits <> '' AND right(phone_digits, {PHONE_TAIL}) = $1 LIMIT $2"  # noqa: S608


class Query:
    """A list to be read: who asks, what for, in which order.

    Args:
        titles: `status_titles`, `status_groups`, `money_titles`: code → what stands in the list for it.
    """

    def __init__(
        self,
        scope: Scope,
        filters: Filters,
        *,
        now: datetime,
        built_in: Collection[str],
        every_kind: frozenset[str],
        titles: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.scope, self.filters, self.now = scope, filters, now
        self.built_in, self.every_kind, self.titles = built_in, every_kind, titles
        self.words = filters.words if filters.words is not None and filters.words.words else None
        #: Who has the phone that is searched for; None until it is looked up.
        self._people: Sequence[UUID] | None = None

    @property
    def is_narrow(self) -> bool:
        """Few orders come into question, found by an index of their own: no need to look at the newest of all."""
        filters = self.filters
        return bool(self.scope.own or filters.applicant_id or filters.premises_id or self._phone)

    @property
    def _phone(self) -> str | None:
        return None if self.filters.words is None else self.filters.words.phone_digits

    def conditions(self, argument: Arguments, *, with_status: bool) -> list[str] | None:
        """None: nothing can be found."""
        found = conditions.reach(self.scope, self.filters, self.every_kind, argument)
        if found is None:
            return None
        found.append("o.status <> 'removed'")
        if self.filters.groups:
            groups = self.titles["status_groups"]
            codes = [code for code, group in groups.items() if group in self.filters.groups]
            found.append(conditions.one_of("o.status", codes) if codes else "false")
        if with_status and self.filters.statuses:
            found.append(conditions.in_status(self.filters.statuses, self.built_in))
        if self._people is not None:
            if not self._people:
                return None
            # B8: a phone finds an order only once the business has taken it up.
            found += [conditions.in_ids("o.applicant_id", self._people, argument), "o.taken_up_at IS NOT NULL"]
        return found + conditions.filtered(self.filters, self.now, argument)

    async def look_up_phone(self, transaction: Transaction) -> None:
        """Apart from the orders: a plan for both at once would be a guess at how many people share a phone."""
        if self._phone is not None and self._people is None:
            direct = await transaction.direct()
            rows = await direct.rows(_PEOPLE, self._phone[-PHONE_TAIL:], MOST_PEOPLE)
            self._people = [row["id"] for row in rows]

    async def search(self, direct: Direct, ends: Ends, *, with_status: bool = True) -> Search | None:
        """None: nothing can be found."""
        assert self.words is not None
        if self.conditions(Arguments(), with_status=with_status) is None:
            return None
        words = await known(direct, self.words)
        if any(word.is_nowhere for word in words):
            return None
        return Search(
            [*conditions.having(words), *conditions.filed(self.scope, self.filters, self.every_kind)],
            filters=lambda argument: self.conditions(argument, with_status=with_status) or (),
            ends=ends,
            since=await self._since(direct, ends.far) if with_status else ends.far,
            is_filtered=self._is_filtered,
        )

    @property
    def _is_filtered(self) -> bool:
        """Something is asked that texts, which have their time, do not know."""
        scope, filters = self.scope, self.filters
        return bool(scope.all_of and scope.assigned_of) or filters != Filters(
            words=filters.words,
            kinds=filters.kinds,
            location_ids=filters.location_ids,
            offering_ids=filters.offering_ids,
            assignee_ids=filters.assignee_ids,
            created_from=filters.created_from,
            created_before=filters.created_before,
        )

    async def _since(self, direct: Direct, far: UUID | None) -> UUID | None:
        """After which id all is that can be found: orders that are under way are not long ago."""
        under_way = self._under_way()
        if not under_way:
            return far
        row = await direct.row(first_of(under_way))
        if row is None or row["first"] is None:
            return far
        before = UUID(int=row["first"].int - 1)
        return before if far is None else max(before, far)

    def _under_way(self) -> list[str]:
        """Conditions of which one holds for every order that is found, and which few old orders meet."""
        filters = self.filters
        if filters.overdue:
            return [conditions.OPEN]
        if filters.paid is False:
            return [conditions.UNPAID]
        if any(status in CLOSED or status not in self.built_in for status in filters.statuses):
            return []
        return [conditions.one_of("o.status", [status]) for status in filters.statuses]

    def ends(self, after: UUID | None) -> Ends:
        """Between which ids there may be orders of this page and those that follow."""
        since, before = self.filters.created_from, self.filters.created_before
        near = [end for end in (after, None if before is None else first_id_of(before)) if end is not None]
        return Ends(min(near, default=None), None if since is None else UUID(int=first_id_of(since).int - 1))
