"""What a message may look like: projects.messages.send of the FCM HTTP v1 reference."""

import json
import re
from typing import Any

from foyer_sandbox.push.errors import SendError

MAX_PAYLOAD_BYTES = 4_096
MAX_TTL_SECONDS = 2_419_200
TARGETS = ("token", "topic", "condition")
FIELDS = {
    "": {"validate_only", "message"},
    "message": {*TARGETS, "name", "data", "notification", "android", "webpush", "apns", "fcm_options"},
    "message.notification": {"title", "body", "image"},
    "message.android": {
        *("collapse_key", "priority", "ttl", "restricted_package_name", "data", "notification", "fcm_options"),
        *("direct_boot_ok", "bandwidth_constrained_ok", "restricted_satellite_ok"),
    },
    "message.webpush": {"headers", "data", "notification", "fcm_options"},
    "message.apns": {"headers", "payload", "fcm_options", "live_activity_token"},
    "message.fcm_options": {"analytics_label"},
}
_RESERVED_KEY = re.compile(r"from|message_type|google\..*|gcm\..*|gcm|google.*")
_TOKEN = re.compile(r"[A-Za-z0-9_:.\-]{8,4096}")
_DURATION = re.compile(r"(\d+)(\.\d{1,9})?s")


def checked(body: Any) -> dict[str, Any]:
    """The message of a request; SendError 400 with the field to blame."""
    if not isinstance(body, dict):
        raise SendError(400, "Invalid JSON payload received. Expected an object.")
    _known(body, "")
    message = body.get("message")
    if not isinstance(message, dict):
        raise SendError(400, "The message is not set.", "message")
    _known(message, "message")
    targets = [name for name in TARGETS if message.get(name)]
    if not targets:
        raise SendError(400, "Recipient of the message is not set.", "message")
    if len(targets) > 1:
        raise SendError(400, "Exactly one of token, topic or condition is required.", f"message.{targets[1]}")
    if "token" in targets and not (isinstance(message["token"], str) and _TOKEN.fullmatch(message["token"])):
        raise SendError(400, "The registration token is not a valid FCM registration token", "message.token")
    for name in ("notification", "android", "webpush", "apns", "fcm_options"):
        part = message.get(name)
        if part is not None:
            if not isinstance(part, dict):
                raise SendError(400, f"Invalid value at 'message.{name}'", f"message.{name}")
            _known(part, f"message.{name}")
    for name, value in message.get("notification", {}).items():
        if not isinstance(value, str):
            field = f"message.notification.{name}"
            raise SendError(400, f"Invalid value at '{field}' (TYPE_STRING), {value}", field)
    _check_data(message.get("data"))
    _check_android(message.get("android") or {})
    payload = {name: message[name] for name in ("data", "notification") if name in message}
    if len(json.dumps(payload, ensure_ascii=False).encode()) > MAX_PAYLOAD_BYTES:
        raise SendError(400, "Android message is too big", "message")
    return message


def _known(part: dict[str, Any], where: str) -> None:
    for name in part:
        if name not in FIELDS[where]:
            at = f" at '{where}'" if where else ""
            raise SendError(400, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.', where)


def _check_data(data: Any) -> None:
    if data is None:
        return
    if not isinstance(data, dict):
        raise SendError(400, "Invalid value at 'message.data'", "message.data")
    for number, (key, value) in enumerate(data.items()):
        if not isinstance(value, str):
            field = f"message.data[{number}].value"
            raise SendError(400, f"Invalid value at '{field}' (TYPE_STRING), {value}", field)
        if _RESERVED_KEY.fullmatch(key):
            raise SendError(400, f"Invalid data payload key: {key}", f"message.data[{number}].key")


def _check_android(android: dict[str, Any]) -> None:
    if str(android.get("priority", "HIGH")).upper() not in {"NORMAL", "HIGH"}:
        raise SendError(400, "Invalid value at 'message.android.priority'", "message.android.priority")
    ttl = android.get("ttl")
    if ttl is not None:
        found = _DURATION.fullmatch(ttl) if isinstance(ttl, str) else None
        if not found or int(found[1]) > MAX_TTL_SECONDS:
            raise SendError(400, "Invalid value at 'message.android.ttl'", "message.android.ttl")
