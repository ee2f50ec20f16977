"""Failures, slowness and lost answers of the API, as the switches say; pages and `/sandbox` never suffer."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foyer_sandbox.provider.errors import ApiError, error_answer
from foyer_sandbox.provider.switches import LostAnswer, ProviderSwitches
from foyer_sandbox.switches import SwitchBoard
from foyer_sandbox.web import cut_connection

API_PREFIX = "/v3/"


class FaultyNetwork:
    """ASGI middleware: fails before the work, delays or loses the answer after it."""

    def __init__(self, app: ASGIApp, board: SwitchBoard[ProviderSwitches]) -> None:
        self._app = app
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(API_PREFIX):
            await self._app(scope, receive, send)
            return
        fault = self._board.fault_for(scope["path"])
        if fault:
            wait = fault.retry_after_seconds
            headers = {"Retry-After": str(wait)} if wait is not None else None
            answer = error_answer(ApiError(fault.status, "Failing on request of a switch"), headers)
            await answer(scope, receive, send)
            return
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, hold)
        if self._board.now.answer_delay_seconds:
            await asyncio.sleep(self._board.now.answer_delay_seconds)
        lost = self._lost(scope) if messages[0]["status"] < 400 else None
        if lost and lost.how == "drop":
            cut_connection(scope)
        elif lost:
            await error_answer(ApiError(500, "Internal server error"))(scope, receive, send)
        else:
            for message in messages:
                await send(message)

    def _lost(self, scope: Scope) -> LostAnswer | None:
        for lost in self._board.now.lose_answer_next:
            if scope["method"] == lost.method and scope["path"].startswith(lost.path_prefix):
                self._board.use_up("lose_answer_next", lost)
                return lost
        return None
