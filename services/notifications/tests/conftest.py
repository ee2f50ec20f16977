from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.envelope import Event
from foyer_contracts.samples import APPLICANT, MANAGER, NOW, SAMPLES
from foyer_sandbox.testing import SandboxProcess, free_port
from notifications.service import SERVICE
from notifications.telling.tables import deliveries

SMTP_PORT, APNS_PORT = free_port(), free_port()
#: Of RFC 8291's example: the application server's.
VAPID_KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SMSC_KEY, BOT_TOKEN, BOT_SECRET = "key-of-the-account", "123456:bot-token", "secret-of-the-webhook"


@dataclass
class Outside:
    """The mailbox and the push gateway, seen from outside."""

    mailbox: SandboxProcess
    push: SandboxProcess
    http: httpx2.AsyncClient

    async def mails(self, to: str | None = None) -> list[dict[str, Any]]:
        """Newest first, with text and HTML."""
        found = (await self.http.get(f"{self.mailbox.url}/sandbox/messages", params={"to": to} if to else {})).json()
        return [(await self.http.get(f"{self.mailbox.url}/sandbox/messages/{mail['id']}")).json() for mail in found]

    async def pushes(self) -> list[dict[str, Any]]:
        """Newest first."""
        return [item["message"] for item in (await self.http.get(f"{self.push.url}/sandbox/messages")).json()]

    async def subscription(self, server_key: str) -> dict[str, Any]:
        """A browser that allows push messages."""
        answer = await self.http.post(f"{self.push.url}/sandbox/browsers", json={"applicationServerKey": server_key})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def shown(self, what: str) -> list[dict[str, Any]]:
        """What else the push process took, newest first: `browsers/messages`, `sms`, `telegram/messages`."""
        found: list[dict[str, Any]] = (await self.http.get(f"{self.push.url}/sandbox/{what}")).json()
        return found

    async def switch(self, process: SandboxProcess, **switches: Any) -> None:
        answer = await self.http.put(f"{process.url}/sandbox/switches", json=switches)
        assert answer.is_success, answer.text


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SandboxProcess, SandboxProcess]]:
    mailbox = SandboxProcess("mailbox", tmp_path_factory.mktemp("mailbox"), FOYER_SANDBOX_SMTP_PORT=str(SMTP_PORT))
    push = SandboxProcess(
        "push",
        tmp_path_factory.mktemp("push"),
        FOYER_SANDBOX_APNS_PORT=str(APNS_PORT),
        FOYER_RUSTORE_PROJECT_ID="foyer-rustore",
        FOYER_RUSTORE_SERVICE_TOKEN="service-token",
        FOYER_SMSC_API_KEY=SMSC_KEY,
        FOYER_TELEGRAM_BOT_TOKEN=BOT_TOKEN,
    )
    mailbox.start()
    push.start()
    yield mailbox, push
    mailbox.stop()
    push.stop()


@pytest.fixture
async def outside(sandboxes: tuple[SandboxProcess, SandboxProcess]) -> AsyncIterator[Outside]:
    mailbox, push = sandboxes
    async with httpx2.AsyncClient(trust_env=False) as http:
        for process in sandboxes:
            await http.delete(f"{process.url}/sandbox/switches")
            await http.delete(f"{process.url}/sandbox/messages")
        yield Outside(mailbox, push, http)


def channel_settings(outside: Outside, **more: Any) -> dict[str, Any]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": SMTP_PORT,
        "mail_from": "Фойе <no-reply@foyer.test>",
        "fcm_url": outside.push.url,
        "fcm_credentials_file": Path(outside.push.folder) / "service-account.json",
        "vapid_private_key": VAPID_KEY,
        "vapid_subject": "mailto:ops@foyer.test",
        "web_push_to_private_networks": True,
        "smsc_url": outside.push.url,
        "smsc_api_key": SMSC_KEY,
        "telegram_url": outside.push.url,
        "telegram_bot_token": BOT_TOKEN,
        "telegram_bot_name": "foyer_test_bot",
        "telegram_webhook_secret": BOT_SECRET,
        "clock_seconds": 0.05,
        "burst_seconds": 0,
        **more,
    }


@pytest.fixture
async def notifications(databases: Databases, identity: Identity, outside: Outside) -> AsyncIterator[Running]:
    """The service with real channels; the applicant of the samples is a known person with a device."""
    async with running(SERVICE, databases, identity, **channel_settings(outside)) as it:
        it.at(NOW)
        yield it


def sample(type_: str, *, sequence: int | None = None, **data: Any) -> Event[Any]:
    """A sample with other data; changed ones are other events."""
    event = SAMPLES[type_]
    if sequence is None and not data:
        return event
    return Event.make(
        event.data.model_copy(update=data),
        subject=UUID(event.subject),
        sequence=event.sequence if sequence is None else sequence,
        time=event.time,
        causation_id=event.causationid,
    )


CONTACT = SAMPLES["orders.contact.changed.v1"]


def contact(person_id: UUID = APPLICANT, *, sequence: int = 1, **data: Any) -> Event[Any]:
    made = CONTACT.data.model_copy(update={"person_id": person_id, **data})
    return Event.make(made, subject=person_id, sequence=sequence, time=NOW)


def device(it: Running, username: str, token: str) -> Any:
    return it.client(username, "customer").put(f"/v1/devices/{token}")


async def states(it: Running) -> list[tuple[str, str, str, str | None]]:
    """(channel, template, state, reason) of every delivery, oldest first."""
    async with it.database.read() as reading:
        rows = await reading.all(sa.select(deliveries).order_by(deliveries.c.id))
    return [(row["channel"], row["template"], row["state"], row["reason"]) for row in rows]


__all__ = ["APPLICANT", "MANAGER"]
