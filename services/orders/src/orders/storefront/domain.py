"""Buying without an account (D3): who may look at a guest's order, and how many one address of email may place."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID, uuid5

from foyer_chassis.errors import InvalidError, TooManyRequestsError

#: Guests share one space of keys, so that a key must be one that nobody else comes to: a UUID has 32 digits.
SHORTEST_KEY = 16
_NONCE_BYTES = 32
_GUESTS = UUID("6f6f7e0f-53a5-4d0c-9a55-6f1c6ad3f3a2")
#: Stands for the digest of an order that there is not, so that asking for one takes as long.
NO_DIGEST = bytes(32)


class NotSoldOnlineError(InvalidError):
    """There is no such offering that is sold online (D1)."""

    title_en = "Not sold online"
    title_ru = "Онлайн не продаётся"


class KeyTooShortError(InvalidError):
    """An Idempotency-Key of a guest has at least 16 characters and is a new random one for each purchase, as a UUID."""

    title_en = "Idempotency-Key is too short"
    title_ru = "Слишком короткий Idempotency-Key"


class TooManyGuestOrdersError(TooManyRequestsError):
    """Orders were placed for this email a moment ago: look into its mailbox, or try again later."""

    title_en = "Too many orders for this email"
    title_ru = "Слишком много заказов на эту почту"


@dataclass(frozen=True, slots=True)
class Access:
    """What is kept of the token that opens a guest's order: never the token itself.

    Attributes:
        nonce: with the guest's own key it makes the token, so that a repeat is answered with the same one, and
            neither whoever reads the database nor whoever guesses keys has it.
    """

    nonce: bytes
    token_digest: bytes

    @classmethod
    def new(cls, key: str) -> tuple["Access", str]:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        token = token_of(key, nonce)
        return cls(nonce, digest(token)), token


def token_of(key: str, nonce: bytes) -> str:
    """43 characters that fit into an address; 256 bits."""
    return urlsafe_b64encode(hmac.digest(key.encode(), nonce, "sha256")).rstrip(b"=").decode()


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def matches(token: str, token_digest: bytes) -> bool:
    """In the same time whether or not."""
    return hmac.compare_digest(digest(token), token_digest)


def guest_id(key: str) -> UUID:
    """Under whose name the answer for a guest's key is kept."""
    return uuid5(_GUESTS, key)


def email_digest(email: str) -> bytes:
    """One for all ways to write the same address; of the address itself the table keeps nothing."""
    return digest(email.strip().casefold())
