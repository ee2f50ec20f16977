"""SMSC's HTTP API for sending a text message, as https://smsc.ru/api/http/send/ describes it with `fmt=3`."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request

from foyer_sandbox.database import Database
from foyer_sandbox.push.switches import PushSwitches
from foyer_sandbox.switches import SwitchBoard

SCHEMA = """
CREATE TABLE IF NOT EXISTS sms (number INTEGER PRIMARY KEY, id TEXT NOT NULL, phone TEXT NOT NULL, text TEXT NOT NULL,
    segments INTEGER NOT NULL, accepted_at REAL NOT NULL);
"""
#: Units of UTF-16 in a message of one part, and in each of several.
ALONE, OF_SEVERAL = 70, 67
ERRORS = {
    1: "parameters error",
    2: "authorise error",
    3: "no money",
    4: "IP is temporarily blocked",
    6: "message is denied",
    7: "invalid number",
    8: "message to this number can not be delivered",
    9: "duplicate request, wait a minute",
}


def sms_routes(database: Database, board: SwitchBoard[PushSwitches], api_key: str) -> APIRouter:
    """`/sys/send.php` for senders, `/sandbox/sms` for tests and people."""
    router = APIRouter()

    @router.post("/sys/send.php", tags=["SMS"])
    async def send(
        request: Request,
        apikey: Annotated[str, Form()] = "",
        phones: Annotated[str, Form()] = "",
        mes: Annotated[str, Form()] = "",
        id: Annotated[str, Form()] = "",
        fmt: Annotated[str, Form()] = "",
        charset: Annotated[str, Form()] = "windows-1251",
        maxsms: Annotated[int, Form()] = 255,
    ) -> dict[str, Any]:
        """Errors come with status 200, as they do there."""
        fault = board.fault_for(request.url.path)
        if fault:
            raise HTTPException(fault.status)
        named = id == "" or (id.isascii() and id.isdigit() and 0 < int(id) < 2**31)
        if fmt != "3" or charset != "utf-8" or not mes or not phones or not named:
            return _error(1)
        if not api_key or apikey != api_key:
            return _error(2)
        if board.now.sms_errors:
            code = board.now.sms_errors[0]
            board.change({"sms_errors": board.now.sms_errors[1:]})
            return _error(code)
        if not phones.removeprefix("+").isdigit():
            return _error(7)
        segments = segments_of(mes)
        if segments > maxsms:
            return _error(1)
        database.execute(
            "INSERT INTO sms (id, phone, text, segments, accepted_at) VALUES (?, ?, ?, ?, ?)",
            id,
            phones,
            mes,
            segments,
            time.time(),
        )
        return {"id": id, "cnt": segments}

    @router.get("/sandbox/sms", tags=["sandbox"])
    async def messages() -> list[dict[str, Any]]:
        """Text messages taken, newest first."""
        return [dict(row) for row in database.rows("SELECT * FROM sms ORDER BY number DESC LIMIT 1000")]

    return router


def segments_of(text: str) -> int:
    """Parts that a text outside GSM's own alphabet is sent in."""
    units = len(text.encode("utf-16-le")) // 2
    return 1 if units <= ALONE else -(-units // OF_SEVERAL)


def _error(code: int) -> dict[str, Any]:
    return {"error": ERRORS.get(code, "unknown error"), "error_code": code}
