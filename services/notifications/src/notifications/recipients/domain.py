"""People and how they can be reached."""

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from foyer_chassis.errors import InvalidError

Locale = Literal["ru", "en"]

#: One mailbox as RFC 5321 writes it without quoting; nothing in it can end a header or an SMTP command.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
#: E.164, as it is dialled from anywhere.
_NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
_BETWEEN_DIGITS = re.compile(r"[ ().\-\u00a0]+")
_APPLE_TOKEN = re.compile(r"[0-9a-fA-F]{64,200}")
LONGEST_EMAIL, LONGEST_URL = 254, 2048
#: Of a browser's subscription (RFC 8291): a point of P-256, uncompressed, and a secret.
POINT_BYTES, SECRET_BYTES = 65, 16
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
    def number(self) -> str | None:
        """The number that a text message can go to (E.164), or None."""
        number = _BETWEEN_DIGITS.sub("", self.phone or "")
        return number if _NUMBER.fullmatch(number) else None

    @property
    def mailbox(self) -> str | None:
        """The address a mail can go to, or None."""
        return self.email if self.email is not None and is_mailbox(self.email) else None


class DeviceKind(StrEnum):
    #: An app that Firebase reaches.
    FCM = "fcm"
    #: An app that RuStore reaches, on telephones without Google's services.
    RUSTORE = "rustore"
    #: An iPhone or iPad that Apple's service reaches directly.
    IOS = "ios"
    #: A browser, reached by Web Push.
    WEBPUSH = "webpush"


class BadPushSubscriptionError(InvalidError):
    """A browser's subscription has an https endpoint with a public host name, and keys `p256dh` (a point of P-256) and
    `auth` (16 bytes) in base64url."""

    title_en = "This is not a push subscription"
    title_ru = "Это не подписка на push-уведомления"


@dataclass(frozen=True, slots=True)
class Device:
    """Where push messages are shown. `token` is FCM's, RuStore's or Apple's of an app, or the endpoint of a browser,
    which has keys too, in base64url."""

    id: UUID
    token: str = field(repr=False)
    kind: DeviceKind = DeviceKind.FCM
    p256dh: str = field(default="", repr=False)
    auth: str = field(default="", repr=False)
    registered_at: datetime | None = None


class BadDeviceTokenError(InvalidError):
    """Apple's token of a device is 64 to 200 hexadecimal digits."""

    title_en = "This is not a device's token"
    title_ru = "Это не токен устройства"


def check_token(token: str, kind: DeviceKind) -> None:
    """Raises BadDeviceTokenError."""
    if kind is DeviceKind.IOS and not _APPLE_TOKEN.fullmatch(token):
        raise BadDeviceTokenError(field="token")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser's consent to push messages, as its `PushSubscription.toJSON()` says."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)

    def checked(self, *, allow_http: bool) -> "Subscription":
        """Raises BadPushSubscriptionError. Where the endpoint leads is asked before every call."""
        if not is_web_address(self.endpoint, allow_http=allow_http):
            raise BadPushSubscriptionError(field="endpoint")
        point, secret = _bytes(self.p256dh), _bytes(self.auth)
        if len(point) != POINT_BYTES or point[0] != 4:
            raise BadPushSubscriptionError(field="keys.p256dh")
        if len(secret) != SECRET_BYTES:
            raise BadPushSubscriptionError(field="keys.auth")
        return self


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def is_web_address(url: str, *, allow_http: bool) -> bool:
    """Whether it is a URL that may be called at all: https, with a host, without a user name."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        len(url) <= LONGEST_URL
        and url.isascii()
        and url.isprintable()
        and parts.scheme in ({"https", "http"} if allow_http else {"https"})
        and bool(parts.hostname)
        and parts.username is None
        and parts.password is None
        and port != 0
        and not parts.fragment
    )


def is_mailbox(text: str) -> bool:
    return len(text) <= LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None
