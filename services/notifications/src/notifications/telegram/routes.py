"""The caller's chat with the bot, and what people write to the bot."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from foyer_chassis.auth import CurrentCaller, public, requires
from foyer_chassis.errors import NotFoundError, UnauthenticatedError
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, Field

from ..texts.renderer import Renderer
from . import store, use_cases
from .domain import is_ours, link

OWN = [requires("notifications:own")]
Secret = Annotated[str, Header(alias="X-Telegram-Bot-Api-Secret-Token", max_length=256)]


class TelegramOut(BaseModel):
    linked: bool


class TelegramLinkOut(BaseModel):
    """The page that opens the chat with the bot; its first message links it."""

    url: str
    expires_at: datetime


class _Chat(BaseModel):
    id: int
    type: str


class _From(BaseModel):
    language_code: str = ""


class _Message(BaseModel):
    chat: _Chat
    sender: _From = Field(default_factory=_From, alias="from")
    text: str = Field(default="", max_length=10_000)


class UpdateIn(BaseModel):
    """As much of Telegram's `Update` as matters: https://core.telegram.org/bots/api#update"""

    message: _Message | None = None


def router(renderer: Renderer) -> APIRouter:
    """The routes, with the bot's words from `renderer`."""
    router = APIRouter(prefix="/v1", tags=["telegram"])

    @router.get("/me/telegram", dependencies=OWN)
    async def telegram(reading: Reading, caller: CurrentCaller) -> TelegramOut:
        return TelegramOut(linked=await store.chat_of(reading, caller.id) is not None)

    @router.post("/me/telegram", dependencies=OWN)
    async def link_telegram(request: Request, transaction: InTransaction, caller: CurrentCaller) -> TelegramLinkOut:
        """A link that works once, for a quarter of an hour; asked for again, only the newest works. 404 where there is
        no bot."""
        bot: str = request.app.state.settings.telegram_bot_name
        if not bot:
            raise NotFoundError
        token, expires_at = await use_cases.offer(transaction, caller)
        return TelegramLinkOut(url=link(bot, token), expires_at=expires_at)

    @router.delete("/me/telegram", status_code=204, dependencies=OWN)
    async def unlink_telegram(transaction: InTransaction, caller: CurrentCaller) -> Response:
        """No more messages there, and no link that is still open."""
        await use_cases.unlink(transaction, caller.id)
        return Response(status_code=204)

    @router.post("/telegram/webhook", dependencies=[public("Telegram calls it, and shows the secret it was given")])
    async def hear(body: UpdateIn, request: Request, transaction: InTransaction, secret: Secret = "") -> dict[str, Any]:
        """What somebody wrote to the bot. The answer carries the bot's reply, as Telegram allows; an update that comes
        again changes nothing."""
        if not is_ours(secret, request.app.state.settings.telegram_webhook_secret.get_secret_value()):
            raise UnauthenticatedError
        message = body.message
        if message is None or message.chat.type != "private":
            return {}
        reply = await use_cases.hear(transaction, message.chat.id, message.text)
        locale: Literal["ru", "en"] = "ru" if message.sender.language_code.startswith("ru") else "en"
        return {"method": "sendMessage", "chat_id": message.chat.id, "text": renderer.sentence(reply.value, locale)}

    return router
