"""Notifications to the shop: posted until answered with 200, for 24 hours, over restarts."""

import asyncio
import logging
import time
from collections.abc import Iterable

import httpx2

from foyer_sandbox.provider.store import Store
from foyer_sandbox.provider.switches import ProviderSwitches
from foyer_sandbox.switches import SwitchBoard

RETRY_DELAYS_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
"""Before the second attempt, the third, …; the last one repeats."""
ATTEMPT_TIMEOUT_SECONDS = 10
AT_ONCE = 16
POLL_SECONDS = 0.5

log = logging.getLogger("foyer_sandbox.provider.webhooks")


class Courier:
    """Posts notifications; one per process."""

    def __init__(self, store: Store, board: SwitchBoard[ProviderSwitches], address: str) -> None:
        self._store = store
        self._board = board
        self._address = address
        self._on_the_way: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._client = httpx2.AsyncClient(timeout=ATTEMPT_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)

    def wake(self) -> None:
        """There may be something to post."""
        self._wake.set()

    async def post_now(self, notification_ids: Iterable[int]) -> None:
        """One attempt at each, finished when this returns; the rest is left to `run`."""
        await asyncio.gather(*(self._start(notification_id) for notification_id in notification_ids))

    async def run(self) -> None:
        """Post what is due until cancelled."""
        try:
            while True:
                self._wake.clear()
                if self._url():
                    for notification_id in self._store.due_notifications(time.time(), AT_ONCE * 2):
                        if len(self._on_the_way) < AT_ONCE:
                            self._start(notification_id)
                try:
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
                except TimeoutError:
                    continue
        finally:
            for task in list(self._on_the_way.values()):
                task.cancel()
            await asyncio.gather(*self._on_the_way.values(), return_exceptions=True)
            await self._client.aclose()

    def _url(self) -> str:
        return self._board.now.webhook_url or self._address

    def _start(self, notification_id: int) -> asyncio.Task[None]:
        task = self._on_the_way.get(notification_id)
        if task is None:
            task = asyncio.create_task(self._attempt(notification_id))
            self._on_the_way[notification_id] = task
            task.add_done_callback(lambda _: self._done(notification_id))
        return task

    def _done(self, notification_id: int) -> None:
        self._on_the_way.pop(notification_id, None)
        self._wake.set()

    async def _attempt(self, notification_id: int) -> None:
        notification = self._store.notification(notification_id)
        url = self._url()
        if notification is None or notification["state"] != "pending" or not url:
            return
        body = notification["body"].encode()
        results = await asyncio.gather(*(self._post(url, body) for _ in range(notification["copies"])))
        now = time.time()
        problem = next((result for result in results if result != "200"), None)
        if problem is None:
            self._store.note_attempt(notification, "delivered", None, "200", now)
            return
        attempts = notification["attempts"]
        delay = RETRY_DELAYS_SECONDS[min(attempts, len(RETRY_DELAYS_SECONDS) - 1)]
        given_up = now + delay > notification["give_up_at"]
        log.info("notification %s (%s): %s", notification_id, notification["event"], problem)
        self._store.note_attempt(
            notification, "given_up" if given_up else "pending", None if given_up else now + delay, problem, now
        )

    async def _post(self, url: str, body: bytes) -> str:
        try:
            answer = await self._client.post(url, content=body, headers={"Content-Type": "application/json"})
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"
        return str(answer.status_code)
