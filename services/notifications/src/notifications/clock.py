"""The loop that sends: it claims due deliveries, decides, sends without a transaction, and records what came of it.

A worker killed in between leaves a claim that runs out, and the delivery comes up again. Between the moment a channel
took a message and our commit lies the only way to a second copy; it has the same Message-ID or tag as the first.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from foyer_chassis import log, telemetry
from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction, cause, is_outage

from .recipients.domain import Device
from .settings import Settings
from .telling import store, use_cases
from .telling.domain import (
    Attempt,
    Channel,
    Delivery,
    DeviceGoneError,
    Mail,
    NotNowError,
    Patience,
    Push,
    RefusedError,
    Send,
    Skip,
    Wait,
    rule_of,
)
from .texts.domain import Message
from .texts.renderer import Renderer

OUTAGE_PAUSE_SECONDS = 0.25

_logger = log.get(__name__)


class Dispatch:
    """Works on claimed deliveries, at most `send_concurrency` at once; a slow one holds up nothing but itself."""

    def __init__(
        self, database: Database, *, mail: Mail, push: Push | None, renderer: Renderer, settings: Settings
    ) -> None:
        self._database = database
        self._mail = mail
        self._push = push
        self._renderer = renderer
        self._slots = settings.send_concurrency
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._every_seconds = settings.clock_seconds
        self._timeout_seconds = settings.send_timeout_seconds
        self._patience = Patience(
            contact=timedelta(seconds=settings.contact_wait_seconds),
            facts=timedelta(seconds=settings.facts_wait_seconds),
            retries=tuple(timedelta(seconds=item) for item in settings.send_retry_seconds),
        )
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self.loop = Loop("dispatch", self.step, every_seconds=settings.clock_seconds)

    def wake(self) -> None:
        self._woken.set()
        self.loop.wake()

    async def step(self) -> bool:
        """Claim into the free slots, then wait until one is free or there is something to claim; False at rest."""
        self._woken.clear()
        try:
            if free := self._slots - len(self._running):
                async with self._database.transaction() as transaction:
                    claimed = await store.claim(transaction, until=transaction.now + self._lease, most=free)
                for delivery in claimed:
                    task = asyncio.create_task(self._deliver(delivery), name="deliver")
                    self._running.add(task)
                    task.add_done_callback(self._done)
            if not self._running:
                return False
            async with asyncio.timeout(self._every_seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        except BaseException:
            for task in self._running:
                task.cancel()
            raise
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        was_full = len(self._running) == self._slots
        self._running.discard(task)
        if was_full or not self._running:
            self._woken.set()

    async def _deliver(self, delivery: Delivery) -> None:
        cause.set(str(delivery.event_id))
        try:
            with telemetry.span(
                f"deliver {delivery.channel.value}", traceparent=delivery.traceparent, kind=telemetry.SpanKind.PRODUCER
            ):
                await self._decide(delivery)
        except Exception as error:
            # The claim runs out and the delivery comes up again.
            if is_outage(error):
                _logger.warning("claim_left_to_expire", delivery_id=str(delivery.id), error=type(error).__name__)
            else:
                _logger.exception("delivery_broke", delivery_id=str(delivery.id))

    async def _decide(self, delivery: Delivery) -> None:
        async with self._database.read() as reading:
            decision = await use_cases.look(reading, delivery, self._patience)
        if delivery.channel is Channel.PUSH and self._push is None:
            decision = Skip("push_not_configured")
        match decision:
            case Wait(waiting_for):
                await self._record(lambda transaction: use_cases.wait(transaction, delivery, waiting_for))
            case Skip(reason):
                await self._record(lambda transaction: use_cases.skip(transaction, delivery, reason))
            case Send():
                attempt = await self._attempt(delivery, decision)
                await self._record(lambda transaction: use_cases.record(transaction, delivery, attempt, self._patience))

    async def _attempt(self, delivery: Delivery, send: Send) -> Attempt:
        person = send.recipient
        attempt = Attempt()
        try:
            message = self._renderer.render(
                delivery.template, send.facts, person.locale if person else "ru", name=person.name if person else ""
            )
        except Exception as error:
            _logger.exception("text_broke", template=delivery.template, delivery_id=str(delivery.id))
            attempt.refused = f"text: {type(error).__name__}"
            return attempt
        if delivery.channel is Channel.EMAIL:
            assert person is not None
            assert person.mailbox is not None
            sending = self._mail.send(message, mailbox=person.mailbox, delivery_id=delivery.id)
            await self._try(attempt, sending, None)
        else:
            await asyncio.gather(*(self._push_to(attempt, delivery, message, device) for device in send.devices))
        return attempt

    async def _push_to(self, attempt: Attempt, delivery: Delivery, message: Message, device: Device) -> None:
        assert self._push is not None
        critical = rule_of(delivery.template).critical
        sending = self._push.send(message, token=device.token, delivery=delivery, critical=critical)
        await self._try(attempt, sending, device)

    async def _try(self, attempt: Attempt, sending: Awaitable[None], device: Device | None) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await sending
        except DeviceGoneError as gone:
            attempt.refused = gone.reason
            if device is not None:
                attempt.gone.append(device.id)
        except RefusedError as refused:
            attempt.refused = refused.reason
        except NotNowError as not_now:
            attempt.not_now = not_now
        except TimeoutError:
            attempt.not_now = NotNowError("timeout")
        except Exception as error:
            _logger.exception("channel_broke")
            attempt.not_now = NotNowError(f"unexpected: {type(error).__name__}")
        else:
            if device is not None:
                attempt.reached.append(device.id)

    async def _record(self, record: Callable[[Transaction], Awaitable[None]]) -> None:
        """Write down what came of it; while PostgreSQL is away, again until the claim runs out."""
        until = asyncio.get_running_loop().time() + self._lease / timedelta(seconds=1)
        while True:
            try:
                async with self._database.transaction() as transaction:
                    await record(transaction)
                return
            except Exception as error:
                if not is_outage(error) or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
