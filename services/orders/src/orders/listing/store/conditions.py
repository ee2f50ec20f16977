"""What a list is asked for, as conditions of SQL with their arguments.

Written out as text, for a list is asked for hundreds of times a second, each time in one of a thousand shapes: building
expressions and compiling them costs more than PostgreSQL needs for the answer. What comes from people is always an
argument; words of ours (statuses, kinds) stand in the text, so that a plan knows how many orders have them.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from foyer_contracts.ids import first_id_of

from ...ordering.tables import WORDS_OF_TEXT
from ..domain import CLOSED, NUMBER_DIGITS, SHORTEST_WORD, Filters, Scope, Words
from .vocabulary import Known, escaped

#: As the partial index `orders_open` has it.
OPEN = f"o.status NOT IN ({', '.join(repr(status) for status in CLOSED)})"
_WORDS = WORDS_OF_TEXT.format("s.")
#: As the partial index `orders_unpaid` has it.
UNPAID = "o.open_invoices > 0"
_OURS = re.compile(r"[a-z][a-z0-9_]*")


class Arguments:
    """The arguments of one statement, in the order of their numbers."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __call__(self, value: Any, type_: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{type_}"


def literals(codes: Iterable[str]) -> str:
    """Codes of ours, to stand in the text. Raises ValueError: something that is none."""
    texts = sorted(codes)
    for text in texts:
        if not _OURS.fullmatch(text):
            raise ValueError(f"{text!r} is no code")
    return ", ".join(f"'{text}'" for text in texts)


def one_of(column: str, codes: Collection[str]) -> str:
    return f"{column} = {literals(codes)}" if len(codes) == 1 else f"{column} IN ({literals(codes)})"


def in_ids(column: str, ids: Sequence[UUID], argument: Arguments) -> str:
    # For one value an index gives its orders in their order; for several they are sorted.
    return f"{column} = {argument(ids[0], 'uuid')}" if len(ids) == 1 else f"{column} = ANY({argument(ids, 'uuid[]')})"


def like(column: str, words: Words, argument: Arguments) -> list[str]:
    """Texts that have these words."""
    return [_like(column, word, argument) for word in words.words]


def _like(column: str, word: str, argument: Arguments) -> str:
    # What is short is only looked for at the beginning of words.
    before = "% " if len(word) < SHORTEST_WORD else "%"
    pattern = argument(f"{before}{escaped(word)}%", "text")
    if not word.isdecimal() or len(word) >= NUMBER_DIGITS:
        return f"{column} LIKE {pattern}"
    # A text begins with the number.
    after_number = f"substr({column}, strpos({column}, ' '))"
    return f"({after_number} LIKE {pattern} OR split_part({column}, ' ', 1) = {argument(word, 'text')})"


@dataclass(frozen=True, slots=True)
class Thing:
    """What is asked of texts `s`.

    Attributes:
        looked_up: the condition, as their index is asked.
        compared: the same, as nothing that an index would be asked for.
        entries: in how many places the index has it; infinite: it does not have it.
        texts: how many have it, where that is known and little.
    """

    looked_up: Callable[[Arguments], str]
    compared: Callable[[Arguments], str]
    entries: float
    texts: int | None = None


def having(words: Sequence[Known]) -> list[Thing]:
    """As `like`, of texts `s`."""
    return [_having(word) for word in words]


def _having(word: Known) -> Thing:
    def compared(argument: Arguments) -> str:
        return _like("s.text", word.word, argument)

    def looked_up(argument: Arguments) -> str:
        ways = []
        if word.forms:
            ways.append(f"{_WORDS} && {argument(word.forms, 'text[]')}")
        if word.ids:
            ways.append(f"s.order_id = ANY({argument(word.ids, 'uuid[]')})")
        return ways[0] if len(ways) == 1 else f"({' OR '.join(ways)})"

    if word.forms is None:
        return Thing(compared, compared, math.inf)
    return Thing(looked_up, compared, len(word.forms), None if word.forms or word.ids is None else len(word.ids))


def _among(array: str, values: Callable[[Arguments], str], entries: int) -> Thing:
    return Thing(
        lambda argument: f"{array} && {values(argument)}",
        lambda argument: f"({array} && {values(argument)}) IS TRUE",
        entries,
    )


def reach(scope: Scope, filters: Filters, every_kind: frozenset[str], argument: Arguments) -> list[str] | None:
    """Which orders the caller may see at all (B1, B2), with the filter on kinds; None: none."""
    if scope.own is not None:
        own = [f"o.applicant_id = {argument(scope.own, 'uuid')}"]
        return [*own, _kinds(filters.kinds)] if filters.kinds else own
    all_of, assigned_of = _reached(scope, filters, every_kind)
    parts = []
    if all_of:
        # No condition where it would exclude nothing.
        parts.append("" if all_of == every_kind else _kinds(all_of))
    if assigned_of:
        parts.append(f"({_kinds(assigned_of)} AND o.assignee_id = {argument(scope.assignee, 'uuid')})")
    if not parts:
        return None
    conditions = [part for part in parts if part] if len(parts) == 1 else [f"({' OR '.join(parts)})"]
    if scope.locations:
        conditions.append(in_ids("o.location_id", scope.locations, argument))
    return conditions


def filed(scope: Scope, filters: Filters, every_kind: frozenset[str]) -> list[Thing]:
    """What `reach` and `filtered` ask of kinds, locations, offerings and assignees, of texts `s`: their index knows
    these too, of several at once, since they are arrays to it."""
    found = []
    all_of, assigned_of = _reached(scope, filters, every_kind)
    kinds = frozenset(filters.kinds) if scope.own is not None else all_of | assigned_of
    if kinds and kinds != every_kind:
        found.append(_among("ARRAY[s.kind]", lambda _: f"ARRAY[{literals(kinds)}]::text[]", len(kinds)))
    mine = (scope.assignee,) if scope.assignee is not None and assigned_of and not all_of else ()
    assignees = () if filters.unassigned else filters.assignee_ids
    for column, ids in (
        ("location_id", scope.locations),
        ("location_id", filters.location_ids),
        ("offering_id", filters.offering_ids),
        ("assignee_id", assignees),
        ("assignee_id", mine),
    ):
        if ids:
            found.append(_among(f"ARRAY[s.{column}]", partial(_uuids, ids), len(ids)))
    return found


def _uuids(ids: Sequence[UUID], argument: Arguments) -> str:
    return argument(ids, "uuid[]")


def _reached(scope: Scope, filters: Filters, every_kind: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Kinds of which the caller sees every order, and those of which only their own work; of those asked for."""
    wanted = frozenset(filters.kinds) or every_kind
    return scope.all_of & wanted, (scope.assigned_of - scope.all_of) & wanted


def _kinds(kinds: Collection[str]) -> str:
    return one_of("o.kind", kinds)


def filtered(filters: Filters, now: datetime, argument: Arguments) -> list[str]:
    """Everything but kinds, statuses, groups, words and phones."""
    conditions = []
    if filters.offering_ids:
        conditions.append(in_ids("o.offering_id", filters.offering_ids, argument))
    if filters.location_ids:
        conditions.append(in_ids("o.location_id", filters.location_ids, argument))
    if filters.refund_states:
        conditions.append(one_of("o.refund_state", filters.refund_states))
    if filters.ratings:
        conditions.append(f"o.rating IN ({', '.join(str(int(rating)) for rating in filters.ratings)})")
    if filters.applicant_id is not None:
        conditions.append(f"o.applicant_id = {argument(filters.applicant_id, 'uuid')}")
    if filters.premises_id is not None:
        conditions.append(f"o.premises_id = {argument(filters.premises_id, 'uuid')}")
    if filters.assignee_ids or filters.unassigned:
        conditions.append(_assigned(filters, argument))
    if filters.paid is not None:
        conditions.append("o.invoiced_amount > 0 AND o.open_invoices = 0" if filters.paid else UNPAID)
    if filters.overdue:
        at = argument(now, "timestamptz")
        late = f"o.complete_by <= {at} OR (o.taken_up_at IS NULL AND o.respond_by <= {at})"
        conditions += [OPEN, f"({late})"]
    # Ids carry their instant, so that dates need no index of their own.
    if filters.created_from is not None:
        conditions.append(f"o.id >= {argument(first_id_of(filters.created_from), 'uuid')}")
    if filters.created_before is not None:
        conditions.append(f"o.id < {argument(first_id_of(filters.created_before), 'uuid')}")
    return conditions


def _assigned(filters: Filters, argument: Arguments) -> str:
    whose = []
    if filters.assignee_ids:
        whose.append(in_ids("o.assignee_id", filters.assignee_ids, argument))
    if filters.unassigned:
        whose.append("o.assignee_id IS NULL")
    return whose[0] if len(whose) == 1 else f"({' OR '.join(whose)})"


def in_status(codes: Sequence[str], built_in: Collection[str]) -> str:
    """Orders in one of these statuses of the directory: `built_in` codes, or the business's own, which are labels."""
    plain = [code for code in codes if code in built_in]
    labels = [code for code in codes if code not in built_in]
    parts = [one_of("o.status", plain)] if plain else []
    if labels:
        parts.append(one_of("o.label", labels))
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
