"""The worker as a process of its own, killed with -9 where it hurts. Its broker is away all the time, which is no
reason not to speak with the provider: what is to be published waits in the outbox."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from foyer_contracts.ids import new_id
from foyer_sandbox.testing import free_port

from .conftest import SETTINGS, Shop, eventually


class Worker:
    """`python -m payments worker` on the database of a `Shop`."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self._log = folder / "worker.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FOYER_")},
            **{f"FOYER_{name.upper()}": str(value) for name, value in SETTINGS.items() if not isinstance(value, tuple)},
            "FOYER_REFUND_RETRY_SECONDS": "[1, 1, 1]",
            "FOYER_YOOKASSA_URL": f"{shop.provider.process.url}/v3",
            "FOYER_DATABASE_URL": shop.it.settings.database_url,
            "FOYER_AMQP_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/",
            "FOYER_OIDC_ISSUER": "https://identity.test",
            "FOYER_OIDC_JWKS_URL": "http://127.0.0.1:9/unused",
            "FOYER_WORKER_PORT": str(free_port()),
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "payments", "worker", env=self._environment, stdout=log, stderr=log
            )

    async def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(with_signal)
        return await self._process.wait()

    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
async def worker(shop: Shop, tmp_path: Path) -> AsyncIterator[Worker]:
    made = Worker(shop, tmp_path)
    await made.start()
    yield made
    assert await made.end() == 0
    assert "Traceback" not in made.log(), made.log()
    assert SETTINGS["yookassa_secret_key"] not in made.log()


async def _has(shop: Shop, order_id: UUID, name: str) -> bool:
    return name in await shop.events(order_id)


@pytest.mark.feature("X3")
@pytest.mark.feature("A27")
async def test_killed_while_the_provider_works_on_the_payment_and_on_the_refund(shop: Shop, worker: Worker) -> None:
    await shop.provider.switch(answer_delay_seconds=1, drop_webhooks=True)
    order_id = new_id()
    await shop.it.handle(shop.priced(order_id))
    await eventually(lambda: shop.provider.of_order(order_id), seconds=20)
    await worker.end(signal.SIGKILL)
    assert await shop.events(order_id) == ["invoice.issued"]
    await shop.provider.switch(answer_delay_seconds=0)
    await worker.start()
    await eventually(lambda: _has(shop, order_id, "payment.link_created"), seconds=20)
    assert len(await shop.provider.of_order(order_id)) == 1

    # A hint that reached the HTTP process wakes the worker in its own.
    their_id = await shop.provider_id(order_id)
    await shop.provider.act("pay", their_id)
    hint = {"event": "payment.succeeded", "object": {"id": their_id}}
    assert (await shop.it.client().post("/v1/webhooks/yookassa", json=hint)).status_code == 200
    await eventually(lambda: _has(shop, order_id, "payment.succeeded"), seconds=2)

    await shop.provider.switch(answer_delay_seconds=1)
    await shop.it.handle(shop.cancelled(order_id, refund=40000))
    await eventually(lambda: shop.provider.refunds_of(order_id), seconds=20)
    await worker.end(signal.SIGKILL)
    assert not await _has(shop, order_id, "refund.started")
    await shop.provider.switch(answer_delay_seconds=0)
    await worker.start()
    await eventually(lambda: _has(shop, order_id, "refund.succeeded"), seconds=20)
    assert len(await shop.provider.refunds_of(order_id)) == 1
    await shop.audit()
