"""The directory of statuses (C1). Every status belongs to a group, and rules look at groups only.

The built-in statuses are those of the state machines. A business renames and recolours them, and adds statuses of its
own inside the groups: such a status stands for a built-in one, whose rules it has.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from foyer_chassis.errors import ConflictError, InvalidError

from ..catalogue.domain import Text

Group = Literal["new", "waiting", "accepted", "in_work", "review", "ready", "done", "cancelled", "removed"]
GROUPS: tuple[str, ...] = get_args(Group)

#: Statuses of a group that nobody adds to: a removed order is gone, whatever it is called.
CLOSED_GROUPS = frozenset({"removed"})
#: An order that waits for money is not given up (C1).
NOT_FOR_WAITING = frozenset({"removed", "cancelled"})
#: Of these a business's own statuses stand for the plain one; the others tell where the refund is.
_REFUNDING = frozenset({"cancelled_refunding", "cancelled_refunded"})
MOST_STATUSES = 200


class StatusExistsError(ConflictError):
    """There is a status with this code."""

    title_en = "The code is taken"
    title_ru = "Статус с таким кодом уже есть"


class TooManyStatusesError(ConflictError):
    """The directory is full; rename a status that is no longer used."""

    title_en = "Too many statuses"
    title_ru = "Слишком много статусов"


class ClosedGroupError(InvalidError):
    """Statuses cannot be added to this group."""

    title_en = "The group takes no more statuses"
    title_ru = "В эту группу нельзя добавить статус"


class StandsForNothingError(InvalidError):
    """There must be one built-in status that it stands for, in its group and for all of its kinds."""

    title_en = "Not clear which status it stands for"
    title_ru = "Неясно, какой статус он уточняет"


class BuiltInStatusError(ConflictError):
    """A built-in status can be renamed, recoloured and moved, but not switched off."""

    title_en = "The status is built in"
    title_ru = "Встроенный статус нельзя отключить"


class UnknownStatusError(InvalidError):
    """There is no such status."""

    title_en = "Unknown status"
    title_ru = "Нет такого статуса"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry:
    """A status as people see it.

    Attributes:
        stands_for: the built-in status whose rules it has; its own code, for a built-in one.
        kinds: of order that can have it.
        active: can be chosen; orders that have it keep it.
    """

    code: str
    stands_for: str
    group: str
    kinds: frozenset[str]
    name: Text
    colour: str
    position: int
    active: bool = True
    version: int = 1

    @property
    def built_in(self) -> bool:
        return self.code == self.stands_for

    @property
    def for_waiting(self) -> bool:
        """Whether it can be the status of orders that wait for money (C1, C3)."""
        return self.active and self.group not in NOT_FOR_WAITING


class Directory:
    """All statuses at one moment."""

    def __init__(self, entries: Iterable[StatusEntry]) -> None:
        self.entries: Sequence[StatusEntry] = sorted(entries, key=lambda entry: (entry.position, entry.code))
        self._by_code = {entry.code: entry for entry in self.entries}

    def entry(self, code: str) -> StatusEntry | None:
        return self._by_code.get(code)

    def title(self, code: str, locale: str) -> str:
        """What people call it, in that language; the code itself for one that the directory does not know yet."""
        entry = self._by_code.get(code)
        return code if entry is None else entry.name.of(locale)

    def group(self, code: str) -> str:
        """Raises UnknownStatusError."""
        entry = self._by_code.get(code)
        if entry is None:
            raise UnknownStatusError(status_code=code)
        return entry.group

    def label(self, code: str, *, kind: str, status: str) -> StatusEntry:
        """A business's own status that an order of that kind with that built-in status can be given.

        Raises:
            UnknownStatusError: there is none with that code which could be chosen there; `allowed` are those.
        """
        entry = self._by_code.get(code)
        fitting = [one.code for one in self.entries if _fits(one, kind, status)]
        if entry is None or entry.code not in fitting:
            raise UnknownStatusError("It cannot be chosen for this order now.", field="label", allowed=fitting)
        return entry

    def stands_for(self, group: str, kinds: Collection[str], wanted: str | None) -> str:
        """The built-in status that a new one of that group and those kinds stands for.

        Raises:
            ClosedGroupError, StandsForNothingError.
        """
        if group in CLOSED_GROUPS:
            raise ClosedGroupError(field="group", allowed=[name for name in GROUPS if name not in CLOSED_GROUPS])
        candidates = [
            entry.code
            for entry in self.entries
            if entry.built_in
            and entry.group == group
            and entry.code not in _REFUNDING
            and entry.kinds.issuperset(kinds)
            and wanted in {None, entry.code}
        ]
        if len(candidates) != 1:
            choices = {
                entry.code: sorted(entry.kinds)
                for entry in self.entries
                if entry.built_in and entry.group == group and entry.code not in _REFUNDING
            }
            raise StandsForNothingError(field="stands_for" if wanted else "kinds", allowed=choices)
        return candidates[0]


def _fits(entry: StatusEntry, kind: str, status: str) -> bool:
    return entry.active and not entry.built_in and entry.stands_for == status and kind in entry.kinds
