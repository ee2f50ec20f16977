"""Text messages by SMSC's HTTP API: https://smsc.ru/api/#send

The provider is asked for no more parts than we allow, and the text is made to fit them. A number is in no log and in no
reason: only the provider's own error code is kept.
"""

from typing import Any
from uuid import UUID

import httpx2
from pydantic import SecretStr

from ..telling.domain.deliveries import Delivery, NotNowError, RefusedError
from ..texts.domain import Message

#: UTF-16 units in a message of one part, and in each part of a longer one (3GPP TS 23.040; what is not in GSM's own
#: alphabet, such as any Cyrillic letter, has two bytes).
ALONE, OF_SEVERAL = 70, 67
_LARGEST_ID = 2**31 - 1
#: Wrong parameters, a forbidden text, a number that is none or that nothing reaches: it will never be taken. The others
#: (sign-in, money, a blocked address, the same request within a minute) pass, or a person repairs them.
_FOR_GOOD = frozenset({1, 6, 7, 8})


class Smsc:
    """An account at SMSC, known by its API key."""

    def __init__(
        self, *, url: str, api_key: SecretStr, sender: str, most_segments: int, timeout_seconds: float, connections: int
    ) -> None:
        self._url = f"{url.rstrip('/')}/sys/send.php"
        self._api_key = api_key
        self._sender = sender
        self._most_segments = most_segments
        self._client = httpx2.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, message: Message, *, number: str, delivery: Delivery) -> None:
        form = {
            "apikey": self._api_key.get_secret_value(),
            "phones": number,
            "mes": text_of(message, self._most_segments),
            "id": str(number_of(delivery.id)),
            "charset": "utf-8",
            "fmt": "3",
            "maxsms": str(self._most_segments),
            **({"sender": self._sender} if self._sender else {}),
        }
        try:
            # In the body, never in the address: addresses are logged on the way.
            answer = await self._client.post(self._url, data=form)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotNowError(f"sms: {type(error).__name__}") from None
        if answer.status_code != 200:
            raise NotNowError(f"sms {answer.status_code}")
        code = _error_code(answer)
        if code in _FOR_GOOD:
            raise RefusedError(f"sms error {code}")
        if code is not None:
            raise NotNowError(f"sms error {code}")

    async def close(self) -> None:
        await self._client.aclose()


def number_of(delivery_id: UUID) -> int:
    """What we call a message there: SMSC's own libraries have a number for it, of 32 bits. It need not be unique."""
    return delivery_id.int % _LARGEST_ID + 1


def _error_code(answer: httpx2.Response) -> int | None:
    """None where it was taken. Raises NotNowError for an answer that says neither."""
    try:
        body: dict[str, Any] = answer.json()
        if "error_code" in body:
            return int(body["error_code"])
        if "id" in body:
            return None
    except (ValueError, TypeError):
        pass
    raise NotNowError("sms: unreadable answer")


def text_of(message: Message, most_segments: int) -> str:
    """Title and rows, as many as fit into so many parts; a row is left out whole rather than cut."""
    room = ALONE if most_segments == 1 else OF_SEVERAL * most_segments
    text = message.title
    while _units(text) > room:
        text = text[:-2] + "…"
    for label, value in message.rows:
        longer = f"{text}\n{label}: {value}"
        if _units(longer) <= room:
            text = longer
    return text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
