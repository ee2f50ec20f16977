"""A Telegram bot as its owner sees it: the Bot API (https://core.telegram.org/bots/api) and people who write to it."""

import json
import re
import time
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from foyer_sandbox.database import Database
from foyer_sandbox.push.settings import PushSettings
from foyer_sandbox.push.switches import PushSwitches
from foyer_sandbox.switches import SwitchBoard

SCHEMA = """
CREATE TABLE IF NOT EXISTS telegram_messages (number INTEGER PRIMARY KEY, chat_id INTEGER NOT NULL,
    accepted_at REAL NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS telegram_webhook (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), url TEXT NOT NULL,
    secret TEXT NOT NULL);
"""
LONGEST_TEXT = 4_096
_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")


class SaidIn(BaseModel):
    """What somebody writes to the bot in their private chat."""

    chat_id: int
    text: str


def telegram_routes(database: Database, board: SwitchBoard[PushSwitches], settings: PushSettings) -> APIRouter:
    """`/bot<token>/<method>` for the bot's owner, `/sandbox/telegram` for tests and people."""
    router = APIRouter()

    def keep(chat_id: int, document: dict[str, Any]) -> int:
        cursor = database.execute(
            "INSERT INTO telegram_messages (chat_id, accepted_at, document) VALUES (?, ?, ?)",
            chat_id,
            time.time(),
            json.dumps(document, ensure_ascii=False),
        )
        return cursor.lastrowid or 0

    @router.post("/bot{token}/{method}", tags=["Telegram"])
    async def call(token: str, method: str, request: Request, body: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        """`sendMessage` and `setWebhook`."""
        fault = board.fault_for(f"/bot/{method}")
        if fault:
            wait = {"retry_after": fault.retry_after_seconds} if fault.retry_after_seconds is not None else None
            return _refusal(fault.status, "Too Many Requests: retry later", wait)
        if token != settings.telegram_bot_token:
            return _refusal(401, "Unauthorized")
        if method == "setWebhook":
            values = (str(body.get("url", "")), str(body.get("secret_token", "")))
            if not _SECRET.fullmatch(values[1]):
                return _refusal(400, "Bad Request: secret token contains unallowed characters")
            database.execute("INSERT OR REPLACE INTO telegram_webhook VALUES (1, ?, ?)", *values)
            return JSONResponse({"ok": True, "result": True, "description": "Webhook was set"})
        if method != "sendMessage":
            return _refusal(404, "Not Found")
        chat_id, text = body.get("chat_id"), body.get("text")
        if not isinstance(chat_id, int):
            return _refusal(400, "Bad Request: chat not found")
        if chat_id in board.now.telegram_blocked:
            return _refusal(403, "Forbidden: bot was blocked by the user")
        if not isinstance(text, str) or not text.strip():
            return _refusal(400, "Bad Request: message text is empty")
        if len(text) > LONGEST_TEXT:
            return _refusal(400, "Bad Request: message is too long")
        number = keep(chat_id, body)
        chat = {"id": chat_id, "type": "private"}
        return JSONResponse(
            {"ok": True, "result": {"message_id": number, "date": int(time.time()), "chat": chat, "text": text}}
        )

    @router.post("/sandbox/telegram/say", tags=["sandbox"])
    async def say(said: SaidIn) -> dict[str, Any]:
        """Somebody writes to the bot: its webhook is called, and a method in its answer is done, as Telegram does."""
        row = database.row("SELECT url, secret FROM telegram_webhook")
        url, secret = row or ("", "")
        if not url:
            return {"status": None, "answer": "no webhook is set"}
        number = keep(said.chat_id, {"from_person": said.text})
        person = {"id": said.chat_id, "is_bot": False, "first_name": "Anna", "language_code": "ru"}
        chat = {"id": said.chat_id, "type": "private", "first_name": "Anna"}
        message = {"message_id": number, "date": int(time.time()), "from": person, "chat": chat, "text": said.text}
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.post(
                url,
                json={"update_id": number, "message": message},
                headers={"X-Telegram-Bot-Api-Secret-Token": secret},
            )
        content = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None
        if isinstance(content, dict) and content.get("method") == "sendMessage":
            keep(content["chat_id"], content)
        return {"status": answer.status_code, "answer": content}

    @router.get("/sandbox/telegram/messages", tags=["sandbox"])
    async def messages() -> list[dict[str, Any]]:
        """What the bot wrote, newest first."""
        rows = database.rows("SELECT * FROM telegram_messages ORDER BY number DESC LIMIT 1000")
        found = [(row["chat_id"], json.loads(row["document"])) for row in rows]
        return [{"chat_id": chat_id, **document} for chat_id, document in found if "from_person" not in document]

    return router


def _refusal(status: int, description: str, parameters: dict[str, Any] | None = None) -> JSONResponse:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return JSONResponse(body, status_code=status)
