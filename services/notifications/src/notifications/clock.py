"""The loop that reminds, and the loop that sends: it claims due deliveries, decides, sends without a transaction, and
records what came of it.

A worker killed in between leaves a claim that runs out, and the delivery comes up again. Between the moment a channel
took a message and our commit lies the only way to a second copy; it has the same Message-ID or tag as the first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from foyer_chassis import log
from foyer_chassis.claims import Pump
from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction
from pydantic import SecretStr

from .channels.telegram import TelegramBot
from .feed import store as feed
from .order_copies import store as order_copies
from .recipients.domain import Device
from .settings import Settings
from .telling.domain.deliveries import (
    Attempt,
    Channels,
    ChatGoneError,
    Delivery,
    DeviceGoneError,
    NotNowError,
    Patience,
    RefusedError,
    Send,
    Skip,
    Wait,
)
from .telling.domain.reminders import Schedule
from .telling.domain.rules import Channel, rule_of
from .telling.store import deliveries as store
from .telling.use_cases import deliveries as use_cases
from .telling.use_cases import reminders
from .texts.domain import Locale, Message
from .texts.renderer import Renderer
from .webhooks import store as webhooks

#: Notifications that go out in one message at most; the next ones make another.
MOST_TOGETHER = 50
REMINDERS_AT_ONCE = 100
FORGOTTEN_AT_ONCE = 1000

_logger = log.get(__name__)


class Forget(Protocol):
    """Removes of one kind what was over before an instant, at most so much. How much went."""

    async def __call__(self, transaction: Transaction, *, before: datetime, most: int) -> int: ...


def reminding(database: Database, schedule: Schedule, wake: Callable[[], None], *, every_seconds: float) -> Loop:
    """The loop that tells what has come due, also what did while no worker ran; safe in several copies."""

    async def step() -> bool:
        async with database.transaction() as transaction:
            due, queued = await reminders.remind(transaction, schedule, most=REMINDERS_AT_ONCE)
            if queued:
                transaction.after_commit(wake)
        return due == REMINDERS_AT_ONCE

    return Loop("remind", step, every_seconds=every_seconds)


def forgetting(
    database: Database, *, feed_days: float, delivery_days: float, webhook_days: float, every_seconds: float
) -> Loop:
    """The loop that forgets what is old, a bounded batch of each kind at a time, so that nobody waits for it."""

    kinds: Sequence[tuple[Forget, float]] = (
        (feed.forget, feed_days),
        (store.forget, delivery_days),
        (order_copies.forget_offers, delivery_days),
        (webhooks.forget, webhook_days),
    )

    async def step() -> bool:
        more = False
        for forget, days in kinds:
            async with database.transaction() as transaction:
                before = transaction.now - timedelta(days=days)
                gone = await forget(transaction, before=before, most=FORGOTTEN_AT_ONCE)
                more |= gone == FORGOTTEN_AT_ONCE
        return more

    return Loop("forget", step, every_seconds=every_seconds)


def telling_telegram(bot: TelegramBot, url: str, secret: SecretStr, *, every_seconds: float) -> Loop:
    """The loop that has Telegram call us, until it has said yes once; each worker tells it again at its start."""
    told = False

    async def step() -> bool:
        nonlocal told
        if not told:
            try:
                await bot.set_webhook(url, secret)
                told = True
                _logger.info("telegram_webhook_set", url=url)
            except NotNowError as error:
                _logger.warning("telegram_webhook_not_set", reason=error.reason)
        return False

    return Loop("telegram_webhook", step, every_seconds=every_seconds)


class Dispatch:
    """Works on claimed deliveries, at most `send_concurrency` at once; a slow one holds up nothing but itself."""

    def __init__(self, database: Database, *, channels: Channels, renderer: Renderer, settings: Settings) -> None:
        self._database = database
        self._channels = channels
        self._renderer = renderer
        self._timeout_seconds = settings.send_timeout_seconds
        self._patience = Patience(
            contact=timedelta(seconds=settings.contact_wait_seconds),
            facts=timedelta(seconds=settings.facts_wait_seconds),
            retries=tuple(timedelta(seconds=item) for item in settings.send_retry_seconds),
            burst=timedelta(seconds=settings.burst_seconds),
        )
        self._pump = Pump(
            "dispatch",
            database,
            store.claim,
            self._decide,
            slots=settings.send_concurrency,
            lease=timedelta(seconds=settings.lease_seconds),
            every_seconds=settings.clock_seconds,
        )
        self._record = self._pump.record
        self.loop = self._pump.loop
        self.wake = self._pump.wake

    async def _decide(self, delivery: Delivery) -> None:
        decision = await self._look(delivery)
        if not isinstance(decision, Send):
            await self._leave(delivery, decision)
            return
        together = [(delivery, decision)]
        if self._patience.burst and not delivery.reached and not rule_of(delivery.template).critical:
            together += await self._what_else_waits(delivery)
        attempt = await self._attempt(together)

        async def record(transaction: Transaction) -> None:
            for each, _ in together:
                await use_cases.record(transaction, each, attempt, self._patience)

        await self._record(record)

    async def _look(self, delivery: Delivery) -> Send | Wait | Skip:
        if (missing := self._channels.missing(delivery.channel)) is not None:
            return Skip(missing)
        async with self._database.read() as reading:
            return await use_cases.look(reading, delivery, self._patience, self._channels.push.keys())

    async def _leave(self, delivery: Delivery, decision: Wait | Skip) -> None:
        match decision:
            case Wait():
                await self._record(lambda transaction: use_cases.wait(transaction, delivery, decision))
            case Skip(reason):
                await self._record(lambda transaction: use_cases.skip(transaction, delivery, reason))

    async def _what_else_waits(self, delivery: Delivery) -> list[tuple[Delivery, Send]]:
        """What goes out in one message with this delivery: a burst is one message (X7)."""
        async with self._database.transaction() as transaction:
            waiting = await store.claim_together(
                transaction, delivery, until=transaction.now + self._pump.lease, most=MOST_TOGETHER - 1
            )
        found = []
        for each in waiting:
            decision = await self._look(each)
            if isinstance(decision, Send):
                found.append((each, decision))
            else:
                await self._leave(each, decision)
        return found

    def _message(self, together: list[tuple[Delivery, Send]]) -> Message:
        person = together[0][1].recipient
        locale: Locale = person.locale if person else "ru"
        name = person.name if person else ""
        messages = [self._renderer.render(each.template, send.facts, locale, name=name) for each, send in together]
        return messages[0] if len(messages) == 1 else self._renderer.digest(messages, locale, name=name)

    async def _attempt(self, together: list[tuple[Delivery, Send]]) -> Attempt:
        (delivery, send), *_ = together
        person = send.recipient
        attempt = Attempt()
        try:
            message = self._message(together)
        except Exception as error:
            _logger.exception("text_broke", template=delivery.template, delivery_id=str(delivery.id))
            attempt.refused = f"text: {type(error).__name__}"
            return attempt
        match delivery.channel:
            case Channel.EMAIL:
                assert person is not None
                assert person.mailbox is not None
                await self._try(
                    attempt, self._channels.mail.send(message, mailbox=person.mailbox, delivery_id=delivery.id)
                )
            case Channel.SMS:
                assert self._channels.sms is not None
                assert person is not None
                assert person.number is not None
                await self._try(attempt, self._channels.sms.send(message, number=person.number, delivery=delivery))
            case Channel.TELEGRAM:
                assert self._channels.chat is not None
                assert send.chat_id is not None
                await self._try(attempt, self._channels.chat.send(message, chat_id=send.chat_id), chat_id=send.chat_id)
            case _:
                await asyncio.gather(*(self._push_to(attempt, delivery, message, device) for device in send.devices))
        return attempt

    async def _push_to(self, attempt: Attempt, delivery: Delivery, message: Message, device: Device) -> None:
        critical = rule_of(delivery.template).critical
        sending = self._channels.push[device.kind].send(message, device=device, delivery=delivery, critical=critical)
        await self._try(attempt, sending, device=device)

    async def _try(
        self,
        attempt: Attempt,
        sending: Awaitable[None],
        *,
        device: Device | None = None,
        chat_id: int | None = None,
    ) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await sending
        except DeviceGoneError as gone:
            attempt.refused = gone.reason
            if device is not None:
                attempt.gone.append(device.id)
        except ChatGoneError as gone:
            attempt.refused, attempt.gone_chat = gone.reason, chat_id
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
