"""The worker as a process of its own: several at once, and killed with -9 while the mail is under way. Its broker is
away all the time, which is no reason not to send."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Running
from foyer_contracts.samples import APPLICANT
from foyer_sandbox.testing import free_port
from notifications.telling.tables import deliveries

from .conftest import Outside, channel_settings, contact, sample, states

STATUS = "orders.order.status_changed.v1"
LEASE_SECONDS = 5


class Worker:
    """`python -m notifications worker` on the database of a running service."""

    def __init__(self, it: Running, outside: Outside, folder: Path) -> None:
        self._log = folder / f"worker-{free_port()}.log"
        settings = channel_settings(outside, send_timeout_seconds=2, lease_seconds=LEASE_SECONDS)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FOYER_")},
            **{f"FOYER_{name.upper()}": str(value) for name, value in settings.items()},
            "FOYER_DATABASE_URL": it.settings.database_url,
            "FOYER_AMQP_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/",
            "FOYER_OIDC_ISSUER": "https://identity.test",
            "FOYER_OIDC_JWKS_URL": "http://127.0.0.1:9/unused",
            "FOYER_WORKER_PORT": str(free_port()),
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "notifications", "worker", env=self._environment, stdout=log, stderr=log
            )

    async def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(with_signal)
        return await self._process.wait()

    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
async def workers(notifications: Running, outside: Outside, tmp_path: Path) -> AsyncIterator[list[Worker]]:
    """Two, not yet started. They live by the real clock."""
    notifications.at(datetime.now(UTC))
    made = [Worker(notifications, outside, tmp_path) for _ in range(2)]
    yield made
    for worker in made:
        if worker._process is not None and worker._process.returncode is None:
            assert await worker.end() == 0
            assert "Traceback" not in worker.log(), worker.log()
            assert "@example.test" not in worker.log()


async def eventually(holds: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.05)


async def _all_sent(it: Running) -> bool:
    return {state for channel, _, state, _ in await states(it) if channel == "email"} == {"sent"}


async def _queue_for(it: Running, people: int) -> None:
    """An order confirmed for each of so many people, with all that the texts want."""
    for number in range(people):
        person, order = uuid4(), uuid4()
        await it.handle(
            contact(person, email=f"visitor{number:02}@example.test"),
            sample("booking.places.held.v1", order_id=order, reservation_id=uuid4()),
            sample("orders.order.priced.v1", order_id=order),
            sample(STATUS, order_id=order, applicant_id=person),
        )


async def test_two_workers_send_each_mail_once(notifications: Running, outside: Outside, workers: list[Worker]) -> None:
    await _queue_for(notifications, 40)
    await asyncio.gather(*(worker.start() for worker in workers))
    await eventually(lambda: _all_sent(notifications))
    mails = await outside.mails()
    assert sorted(mail["to"][0] for mail in mails) == [f"visitor{number:02}@example.test" for number in range(40)]
    assert {mail["copies"] for mail in mails} == {1}
    assert len(await notifications.published("notifications.delivery.sent.v1")) == 40


async def test_killed_while_the_server_takes_the_mail(
    notifications: Running, outside: Outside, workers: list[Worker]
) -> None:
    worker = workers[0]
    await notifications.handle(
        contact(APPLICANT), sample("booking.places.held.v1"), sample("orders.order.priced.v1"), sample(STATUS)
    )
    await outside.switch(outside.mailbox, answer_delay_seconds=1)
    await worker.start()

    await eventually(lambda: _claimed(notifications))
    await worker.end(signal.SIGKILL)
    assert not await _all_sent(notifications)
    await outside.switch(outside.mailbox)
    await worker.start()
    await eventually(lambda: _all_sent(notifications), seconds=LEASE_SECONDS + 15)
    mails = await outside.mails()
    assert 1 <= len(mails) <= 2
    assert len({mail["message_id"] for mail in mails}) == 1
    (sent,) = await notifications.published("notifications.delivery.sent.v1")
    assert mails[0]["message_id"] == f"<{sent.data.delivery_id}@foyer.test>"


async def _claimed(it: Running) -> bool:
    async with it.database.read() as reading:
        rows = await reading.all(
            sa.select(deliveries.c.id).where(deliveries.c.leased_until.is_not(None), deliveries.c.channel == "email")
        )
    return bool(rows)
