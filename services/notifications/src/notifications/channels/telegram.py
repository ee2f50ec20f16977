"""Messages into chats with our bot: https://core.telegram.org/bots/api#sendmessage

The bot's token is part of the address, so the address is in no log and in no reason.
"""

from datetime import timedelta
from typing import Any

import httpx2
from pydantic import SecretStr

from ..telling.domain.deliveries import ChatGoneError, NotNowError, RefusedError
from ..texts.domain import Message

#: UTF-16 units, as Telegram counts.
LONGEST_TEXT = 4096


class TelegramBot:
    """The bot that people link in the app."""

    def __init__(self, *, url: str, token: SecretStr, timeout_seconds: float, connections: int) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._client = httpx2.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, message: Message, *, chat_id: int) -> None:
        answer = await self._call("sendMessage", body_of(message, chat_id))
        if answer.status_code == 200:
            return
        description, asked = _problem(answer)
        reason = f"telegram {answer.status_code}"
        # Blocked, kicked, or the account was deleted; 400 where the chat never was.
        if answer.status_code == 403 or (answer.status_code == 400 and "chat not found" in description):
            raise ChatGoneError(reason)
        # 401 and 404: not our token any more, and a person repairs that.
        if answer.status_code in (401, 404, 408, 429) or answer.status_code >= 500:
            raise NotNowError(reason, asked)
        raise RefusedError(reason)

    async def set_webhook(self, url: str, secret: SecretStr) -> None:
        """Have Telegram call us: https://core.telegram.org/bots/api#setwebhook. Telling it again changes nothing.

        Raises:
            NotNowError
        """
        hook = {"url": url, "secret_token": secret.get_secret_value(), "allowed_updates": ["message"]}
        answer = await self._call("setWebhook", hook)
        if answer.status_code != 200:
            raise NotNowError(f"telegram {answer.status_code}", _problem(answer)[1])

    async def _call(self, method: str, body: dict[str, Any]) -> httpx2.Response:
        try:
            return await self._client.post(f"{self._url}/bot{self._token.get_secret_value()}/{method}", json=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotNowError(f"telegram: {type(error).__name__}") from None

    async def close(self) -> None:
        await self._client.aclose()


def body_of(message: Message, chat_id: int) -> dict[str, Any]:
    """Plain text with the title in bold: without a parse mode nothing in a name or a text is markup."""
    text = f"{message.title}\n\n{message.short}"
    while _units(text) > LONGEST_TEXT:
        text = text[:-2] + "…"
    body: dict[str, Any] = {
        "chat_id": chat_id,
        "text": text,
        "entities": [{"type": "bold", "offset": 0, "length": min(_units(message.title), LONGEST_TEXT)}],
        "link_preview_options": {"is_disabled": True},
    }
    if message.button is not None:
        body["reply_markup"] = {"inline_keyboard": [[{"text": message.button.label, "url": message.button.url}]]}
    return body


def _problem(answer: httpx2.Response) -> tuple[str, timedelta | None]:
    """What Telegram says, and how long it asks to wait."""
    try:
        body = answer.json()
        seconds = (body.get("parameters") or {}).get("retry_after")
        asked = timedelta(seconds=min(int(seconds), 86_400)) if seconds is not None else None
        return str(body.get("description", "")), asked
    except (ValueError, TypeError, AttributeError):
        return "", None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
