"""People and how they can be reached."""

import re
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Locale = Literal["ru", "en"]

#: One mailbox as RFC 5321 writes it without quoting; nothing in it can end a header or an SMTP command.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
LONGEST_EMAIL = 254
#: Registration tokens a person may have; the one used longest ago makes room for a new one.
MOST_DEVICES = 20


@dataclass(frozen=True, slots=True)
class Recipient:
    """What is known of a person; `name` is empty and `email` None until somebody told. `roles` are those of the token
    that they last introduced themselves with."""

    id: UUID
    name: str
    locale: Locale
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    roles: tuple[str, ...] = ()

    @property
    def mailbox(self) -> str | None:
        """The address a mail can go to, or None."""
        return self.email if self.email is not None and is_mailbox(self.email) else None


@dataclass(frozen=True, slots=True)
class Device:
    """An app installation that takes push messages. `token` is FCM's registration token."""

    id: UUID
    token: str = field(repr=False)


def is_mailbox(text: str) -> bool:
    return len(text) <= LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None
