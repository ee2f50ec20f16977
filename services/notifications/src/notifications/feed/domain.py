"""Who a feed entry is for: a person, or everybody who has a role."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

#: More unread entries than this are told as this many.
MOST_UNREAD = 1000


def to_person(person_id: UUID) -> str:
    return f"person:{person_id}"


def to_role(role: str) -> str:
    return f"role:{role}"


def addressees_of(person_id: UUID, roles: Iterable[str]) -> list[str]:
    """All addressees whose entries this person sees."""
    return [to_person(person_id), *(to_role(role) for role in sorted(roles))]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a feed; its text is made from `template` and `facts` when somebody reads it."""

    id: UUID
    event_id: UUID
    addressee: str
    template: str
    facts: Mapping[str, Any]
    order_id: UUID | None
    created_at: datetime
