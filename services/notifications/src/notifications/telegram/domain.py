"""How a person's chat with the bot is linked to their account: by a token that works once, and only for a while."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

#: As long as it takes to press a button in the app and another in Telegram.
LINK_LIVES = timedelta(minutes=15)
#: Telegram hands on 64 characters at most: https://core.telegram.org/bots/features#deep-linking
_START = re.compile(r"/start(?:@\w+)? ([A-Za-z0-9_-]{1,64})")
_STOP = re.compile(r"/stop(?:@\w+)?\s*")


class Reply(StrEnum):
    """What the bot answers, by the name of its text."""

    LINKED = "telegram_linked"
    NOT_LINKED = "telegram_not_linked"
    STOPPED = "telegram_stopped"
    HELP = "telegram_help"


@dataclass(frozen=True, slots=True)
class Start:
    """Somebody followed a link."""

    token: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants no messages any more."""


def said(text: str) -> Start | Stop | None:
    """What a message to the bot asks for; None for anything else."""
    if found := _START.fullmatch(text.strip()):
        return Start(found[1])
    return Stop() if _STOP.fullmatch(text.strip()) else None


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is kept of a token: whoever reads the database can link nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_ours(given: str, secret: str) -> bool:
    """Whether a call shows the secret that the webhook was set with."""
    return bool(secret) and hmac.compare_digest(given.encode(), secret.encode())


def link(bot: str, token: str) -> str:
    return f"https://t.me/{bot}?start={token}"
