"""What a list is asked for, as conditions of SQL with their arguments.

Written out as text, for a list is asked for hundreds of times a second, each time in one of a thousand shapes: building
expressions and compiling them costs more than PostgreSQL needs for the answer. What comes from people is always an
argument; words of ours (statuses, kinds) stand in the text, so that a plan knows how many orders have them.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_contracts.ids import first_id_of

from ..domain import CLOSED, SHORTEST_WORD, Filters, Scope, Words

#: As the partial index `orders_open` has it.
OPEN = f"o.status NOT IN ({', '.join(repr(status) for status in CLOSED)})"
_PIECE = 3
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
    return [f"{column} LIKE {argument(f'{_before(word)}{_escaped(word)}%', 'text')}" for word in words.words]


def roughly_like(column: str, words: Words, argument: Arguments) -> list[str]:
    """What `like` finds and perhaps more, for the index of trigrams: it reads all that it knows of each trigram, and
    those of one word are in nearly the same texts, so that every third one will do."""
    return [
        f"{column} LIKE {argument(_before(word) + '%'.join(map(_escaped, _pieces(word))) + '%', 'text')}"
        for word in words.words
    ]


def _before(word: str) -> str:
    # The index knows nothing shorter than three characters, but for the beginnings of words.
    return "% " if len(word) < SHORTEST_WORD else "%"


def _pieces(word: str) -> list[str]:
    if len(word) < 2 * _PIECE:
        return [word]
    last = len(word) - _PIECE
    return [*(word[start : start + _PIECE] for start in range(0, last - _PIECE + 1, _PIECE)), word[last:]]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def reach(
    scope: Scope, filters: Filters, every_kind: frozenset[str], argument: Arguments, *, by_texts: bool = False
) -> list[str] | None:
    """Which orders the caller may see at all (B1, B2), with the filter on kinds; None: none.

    Args:
        by_texts: kinds are asked of the texts `s`: their index knows them beside the words, that of the orders would be
            long and save little.
    """
    among = _filed_kinds if by_texts else _kinds
    if scope.own is not None:
        own = [f"o.applicant_id = {argument(scope.own, 'uuid')}"]
        return [*own, among(filters.kinds)] if filters.kinds else own
    all_of, assigned_of = _reached(scope, filters, every_kind)
    parts = []
    if all_of:
        # No condition where it would exclude nothing.
        parts.append("" if all_of == every_kind else among(all_of))
    if assigned_of:
        parts.append(f"({among(assigned_of)} AND o.assignee_id = {argument(scope.assignee, 'uuid')})")
    if not parts:
        return None
    conditions = [part for part in parts if part] if len(parts) == 1 else [f"({' OR '.join(parts)})"]
    if scope.locations:
        conditions.append(in_ids("o.location_id", scope.locations, argument))
    return conditions


def filed(scope: Scope, filters: Filters, every_kind: frozenset[str], argument: Arguments) -> list[str]:
    """What `reach` and `filtered` ask of kinds, locations and offerings, of the texts, where they do not ask it of them
    already: their index knows these too."""
    found = []
    all_of, assigned_of = _reached(scope, filters, every_kind)
    if scope.own is None and all_of and assigned_of:
        found.append(_filed_kinds(all_of | assigned_of))
    for column, ids in (
        ("s.location_id", scope.locations),
        ("s.location_id", filters.location_ids),
        ("s.offering_id", filters.offering_ids),
    ):
        if ids:
            found.append(f"ARRAY[{column}] && {argument(ids, 'uuid[]')}")
    return found


def _reached(scope: Scope, filters: Filters, every_kind: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Kinds of which the caller sees every order, and those of which only their own work; of those asked for."""
    wanted = frozenset(filters.kinds) or every_kind
    return scope.all_of & wanted, (scope.assigned_of - scope.all_of) & wanted


def _kinds(kinds: Collection[str]) -> str:
    return one_of("o.kind", kinds)


def _filed_kinds(kinds: Collection[str]) -> str:
    # As an array, so that one walk through the index serves several.
    return f"ARRAY[s.kind] && ARRAY[{literals(kinds)}]::text[]"


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
        conditions.append("o.invoiced_amount > 0 AND o.open_invoices = 0" if filters.paid else "o.open_invoices > 0")
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
