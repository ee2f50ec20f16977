"""Memberships: a pass is bought, activated by its code, attached to a visitor, used by visits, withdrawn (D5–D7).

issued ──activate──▶ activated ──attach──▶ attached
   │                     │                    │
   └─────withdraw────────┴─────withdraw───────┴──▶ withdrawn
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError, TooManyRequestsError

#: Letters and digits that nobody takes for one another (RFC 4648 base 32, without I, O, 0 and 1).
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GROUP = 4
#: The first group finds the pass; the others, 40 bits, are the secret.
GROUPS = 3
#: Wrong codes from one caller in an hour, and for one pass ever.
MOST_GUESSES_OF_CALLER = 10
MOST_GUESSES_OF_PASS = 10
GUESS_WINDOW = timedelta(hours=1)
LONGEST_FREEZE = timedelta(days=180)


class Status(StrEnum):
    ISSUED = "issued"
    ACTIVATED = "activated"
    ATTACHED = "attached"
    WITHDRAWN = "withdrawn"


class WrongCodeError(InvalidError):
    """No membership can be activated by this code. A code works once."""

    title_en = "Wrong code"
    title_ru = "Неверный код"


class TooManyGuessesError(TooManyRequestsError):
    """Too many wrong codes; wait an hour."""

    title_en = "Too many wrong codes"
    title_ru = "Слишком много неверных кодов"


class PassStateError(ConflictError):
    """The membership's present state does not allow that."""

    title_en = "Not possible with this membership"
    title_ru = "С этим абонементом так нельзя"


class GroupNotOpenedError(InvalidError):
    """The membership's type does not open this group."""

    title_en = "The group is not part of this membership"
    title_ru = "Группа не входит в абонемент"


class ValidityError(InvalidError):
    """A membership is valid from an instant up to a later one."""

    title_en = "Check the validity"
    title_ru = "Проверьте срок действия"


class NoVisitLeftError(ConflictError):
    """The visitor has no membership that opens this class at its time and has a visit left."""

    title_en = "No membership for this class"
    title_ru = "Нет подходящего абонемента"


@dataclass(frozen=True, slots=True)
class MembershipType:
    """Attributes:
    permanent: sold at any time; only such can be sold online (D1).
    visits: how many it has; None: as many as one likes.
    valid_days: how long from the day it is attached; None: without an end.
    group_ids: the groups of classes that it opens.
    """

    id: UUID
    title: str
    permanent: bool
    visits: int | None
    valid_days: int | None
    group_ids: tuple[UUID, ...]
    active: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A membership that somebody bought.

    Attributes:
        number: on its barcode.
        code_hash: of the secret part of its activation code; the code itself is nowhere kept.
        guesses: wrong codes that were tried for it.
        frozen_until: it is not used, and its validity waits, up to here.
    """

    id: UUID
    number: int
    type_id: UUID
    title: str
    order_id: UUID | None
    buyer_id: UUID
    code_key: str
    code_hash: bytes
    guesses: int = 0
    status: Status = Status.ISSUED
    visits_left: int | None
    valid_days: int | None
    group_ids: tuple[UUID, ...]
    visitor_id: UUID | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    frozen_until: datetime | None = None
    version: int = 1

    def state(self) -> dict[str, object]:
        return {"status": self.status.value, "version": self.version}


def new_code() -> str:
    """An activation code, e.g. `7KQ2-M4XP-9TRW`."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def split_code(code: str) -> tuple[str, bytes] | None:
    """What finds the pass, and the hash of the rest; None for what is no code. Case and dashes do not matter."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    if len(plain) != GROUP * GROUPS or any(letter not in ALPHABET for letter in plain):
        return None
    return plain[:GROUP], hash_of(plain[:GROUP], plain[GROUP:])


def hash_of(key: str, secret: str) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=key.encode(), n=2**12, r=8, p=1, dklen=32)


def opens(item: Pass, code_hash: bytes) -> bool:
    """Whether the code is this pass's, in the same time for a wrong one."""
    return hmac.compare_digest(item.code_hash, code_hash)


def activated(item: Pass) -> Pass:
    """D5. Raises PassStateError: its code was used."""
    if item.status is not Status.ISSUED:
        raise PassStateError(state=item.state())
    return replace(item, status=Status.ACTIVATED, version=item.version + 1)


def attached(
    item: Pass,
    visitor_id: UUID,
    *,
    group_ids: tuple[UUID, ...] | None,
    valid_from: datetime,
    valid_until: datetime | None,
) -> Pass:
    """D6: it belongs to that visitor. Without an end given, it is valid as long as its type says.

    Raises:
        PassStateError, GroupNotOpenedError, ValidityError.
    """
    if item.status is not Status.ACTIVATED:
        raise PassStateError(state=item.state())
    groups = item.group_ids if group_ids is None else group_ids
    if foreign := [str(id_) for id_ in groups if item.group_ids and id_ not in item.group_ids]:
        raise GroupNotOpenedError(field="group_ids", not_opened=foreign, allowed=[str(id_) for id_ in item.group_ids])
    if valid_until is None and item.valid_days is not None:
        valid_until = valid_from + timedelta(days=item.valid_days)
    if valid_until is not None and valid_until <= valid_from:
        raise ValidityError(field="valid_until")
    return replace(
        item,
        status=Status.ATTACHED,
        visitor_id=visitor_id,
        group_ids=groups,
        valid_from=valid_from,
        valid_until=valid_until,
        version=item.version + 1,
    )


def withdrawn(item: Pass) -> Pass:
    """D7. Raises PassStateError: it was withdrawn already."""
    if item.status is Status.WITHDRAWN:
        raise PassStateError(state=item.state())
    return replace(item, status=Status.WITHDRAWN, version=item.version + 1)


def frozen(item: Pass, until: datetime, now: datetime) -> Pass:
    """Not used until then; its validity is so much longer.

    Raises:
        PassStateError: it is not attached, or frozen already. ValidityError: in the past, or too long.
    """
    if item.status is not Status.ATTACHED or (item.frozen_until is not None and item.frozen_until > now):
        raise PassStateError(state=item.state())
    if not now < until <= now + LONGEST_FREEZE:
        raise ValidityError(field="until", most_days=LONGEST_FREEZE.days)
    later = None if item.valid_until is None else item.valid_until + (until - now)
    return replace(item, frozen_until=until, valid_until=later, version=item.version + 1)


def unfrozen(item: Pass, now: datetime) -> Pass:
    """Used again from now on; the validity loses what was not frozen."""
    if item.frozen_until is None or item.frozen_until <= now:
        raise PassStateError(state=item.state())
    later = None if item.valid_until is None else item.valid_until - (item.frozen_until - now)
    return replace(item, frozen_until=None, valid_until=later, version=item.version + 1)


def is_good_for(item: Pass, group_id: UUID, at: datetime) -> bool:
    """Whether a class of that group can be visited with it at that instant."""
    return (
        item.status is Status.ATTACHED
        and (not item.group_ids or group_id in item.group_ids)
        and item.visits_left != 0
        and item.valid_from is not None
        and item.valid_from <= at
        and (item.valid_until is None or at < item.valid_until)
        and (item.frozen_until is None or item.frozen_until <= at)
    )


def visited(item: Pass) -> Pass:
    left = None if item.visits_left is None else item.visits_left - 1
    return replace(item, visits_left=left, version=item.version + 1)


def visit_returned(item: Pass) -> Pass:
    left = None if item.visits_left is None else item.visits_left + 1
    return replace(item, visits_left=left, version=item.version + 1)
