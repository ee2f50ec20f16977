"""Old entries of the feed and deliveries go, in bounded batches; what is under way or younger stays."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW
from notifications import clock
from notifications.feed.tables import feed_entries
from notifications.service import SERVICE
from notifications.telling.tables import deliveries

from .conftest import Outside, channel_settings, contact, sample, states

STATUS = "orders.order.status_changed.v1"
pytestmark = pytest.mark.feature("X7")


async def entries(it: Running) -> int:
    return len((await it.client("anna", sub=str(APPLICANT)).get("/v1/feed")).json()["items"])


async def test_what_is_old_goes_and_what_is_younger_stays(
    databases: Databases, identity: Identity, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "FORGOTTEN_AT_ONCE", 3)
    settings = channel_settings(outside, forget_feed_days=30, forget_deliveries_days=14)
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        await it.handle(contact(), sample("booking.places.held.v1"), sample("orders.order.priced.v1"))
        await it.handle(*(sample(STATUS, sequence=sequence) for sequence in range(10, 17)))
        await it.turn("dispatch")
        it.at(NOW + timedelta(days=10))
        await it.handle(sample(STATUS, sequence=30))
        await it.turn("dispatch")

        it.at(NOW + timedelta(days=14))
        await it.turn("forget")
        assert (len(await states(it)), await entries(it)) == (16, 8), "not yet"
        it.at(NOW + timedelta(days=14, seconds=1))
        await it.turn("forget")
        assert (len(await states(it)), await entries(it)) == (2, 8), "more than one batch of deliveries"
        it.at(NOW + timedelta(days=30, seconds=1))
        await it.turn("forget")
        assert (len(await states(it)), await entries(it)) == (0, 1)
        for _ in range(2):
            await it.turn("forget")
        assert await entries(it) == 1


async def test_what_is_under_way_is_never_forgotten(notifications: Running, outside: Outside) -> None:
    await notifications.handle(contact(), sample(STATUS))
    await outside.switch(outside.mailbox, down=True)
    notifications.at(NOW + timedelta(days=400))
    await notifications.turn("forget")
    assert [state for _, _, state, _ in await states(notifications)] == ["queued", "queued"]
    async with notifications.database.read() as reading:
        assert await reading.all(sa.select(feed_entries)) == []
        assert len(await reading.all(sa.select(deliveries))) == 2
