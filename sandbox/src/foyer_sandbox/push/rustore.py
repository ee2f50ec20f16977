"""RuStore's push API: https://www.rustore.ru/help/sdk/push-notifications/send-push-notifications

Messages look as FCM's and are shown among them, as of the project that `FOYER_RUSTORE_PROJECT_ID` names.
"""

import json
import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from foyer_sandbox.push.settings import PushSettings
from foyer_sandbox.push.store import Store
from foyer_sandbox.push.switches import PushSwitches
from foyer_sandbox.switches import SwitchBoard

NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}


def rustore_routes(store: Store, board: SwitchBoard[PushSwitches], settings: PushSettings) -> APIRouter:
    """`/rustore/v1/projects/{project}/messages:send`."""
    router = APIRouter()

    @router.post("/rustore/v1/projects/{project}/messages:send", tags=["RuStore"])
    async def send(project: str, request: Request) -> JSONResponse:
        """Take a message for one device."""
        fault = board.fault_for(request.url.path)
        if fault:
            return _refusal(fault.status, fault.retry_after_seconds)
        token = settings.rustore_service_token
        if not token or request.headers.get("authorization") != f"Bearer {token}":
            return _refusal(401)
        if project != settings.rustore_project_id:
            return _refusal(403)
        try:
            message = json.loads(await request.body())["message"]
            right = isinstance(message["token"], str) and all(isinstance(v, str) for v in message["data"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            right = False
        if not right:
            return _refusal(400)
        if message["token"] in board.now.unregistered:
            return _refusal(404)
        store.add(project, message, time.time())
        return JSONResponse({})

    return router


def _refusal(status: int, wait: int | None = None) -> JSONResponse:
    body: dict[str, Any] = {"error": {"code": status, "status": NAMES.get(status, "UNKNOWN"), "message": "refused"}}
    return JSONResponse(body, status_code=status, headers={"Retry-After": str(wait)} if wait is not None else {})
