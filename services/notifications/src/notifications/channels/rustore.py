"""Push messages by RuStore, for telephones without Google's services.

https://www.rustore.ru/help/en/sdk/push-notifications/send-push-notifications: made to be called as FCM is, and taken to
do as FCM what its page does not say: 404 (and 410, which other senders have met) for a telephone that is gone.
"""

import httpx2
from pydantic import SecretStr

from ..recipients.domain import Device
from ..telling.domain.deliveries import Delivery, DeviceGoneError, NotNowError, RefusedError
from ..texts.domain import Message
from .calls import retry_after
from .push import TIME_TO_LIVE, about, shown


class RuStorePush:
    """A project in RuStore's console that we send for, by its service token."""

    def __init__(
        self, *, url: str, project_id: str, service_token: SecretStr, timeout_seconds: float, connections: int
    ) -> None:
        self._url = f"{url.rstrip('/')}/v1/projects/{project_id}/messages:send"
        self._service_token = service_token
        self._client = httpx2.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, message: Message, *, device: Device, delivery: Delivery, critical: bool) -> None:
        """RuStore knows no urgency."""
        title, body = shown(message)
        content = {
            "message": {
                "token": device.token,
                "notification": {"title": title, "body": body},
                "data": {"delivery_id": str(delivery.id), "template": delivery.template, **about(delivery)},
                "android": {"ttl": TIME_TO_LIVE},
            }
        }
        headers = {"Authorization": f"Bearer {self._service_token.get_secret_value()}"}
        try:
            answer = await self._client.post(self._url, json=content, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotNowError(f"rustore: {type(error).__name__}") from None
        status = answer.status_code
        if 200 <= status < 300:
            return
        if status in (404, 410):
            raise DeviceGoneError(f"rustore {status}")
        # 401 and 403: our token or project, which a person repairs.
        if status in (401, 403, 408, 429) or status >= 500:
            raise NotNowError(f"rustore {status}", retry_after(answer.headers.get("retry-after", "").strip()))
        raise RefusedError(f"rustore {status}")

    async def close(self) -> None:
        await self._client.aclose()
