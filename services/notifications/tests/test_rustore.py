"""Push messages by RuStore, beside those by FCM."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW, ORDER
from notifications.service import SERVICE

from .conftest import Outside, channel_settings, contact, sample, states

STATUS = "orders.order.status_changed.v1"
DEVICE, OTHER = "rustore-device-of-anna", "device-of-anna:APA91bH"
pytestmark = pytest.mark.feature("X7")


@pytest.fixture
async def it(databases: Databases, identity: Identity, outside: Outside) -> AsyncIterator[Running]:
    """Anna has a telephone that only RuStore reaches."""
    settings = channel_settings(
        outside,
        rustore_url=f"{outside.push.url}/rustore",
        rustore_project_id="foyer-rustore",
        rustore_service_token="service-token",
    )
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        anna = it.client("anna", sub=str(APPLICANT))
        assert (await anna.put(f"/v1/devices/{DEVICE}", params={"kind": "rustore"})).status_code == 204
        yield it


async def confirmed(it: Running) -> None:
    await it.handle(contact(), sample("booking.places.held.v1"), sample("orders.order.priced.v1"))
    await it.handle_twice(sample(STATUS))
    await it.turn("dispatch")


async def pushed(it: Running) -> tuple[str, str | None]:
    ((_, _, state, reason),) = [item for item in await states(it) if item[0] == "push"]
    return state, reason


async def test_each_device_gets_it_once_by_its_own_way(it: Running, outside: Outside) -> None:
    anna = it.client("anna", sub=str(APPLICANT))
    assert (await anna.put(f"/v1/devices/{OTHER}")).status_code == 204
    await confirmed(it)
    it.at(NOW + timedelta(hours=1))
    await it.turn("dispatch")
    found = {push["token"]: push for push in await outside.pushes()}
    assert (len(await outside.pushes()), set(found)) == (2, {DEVICE, OTHER})
    assert found[DEVICE]["notification"]["title"] == "Заказ № 1006313 подтверждён"
    assert found[DEVICE]["data"]["order_id"] == str(ORDER)
    assert await pushed(it) == ("sent", None)


async def test_device_that_is_gone_is_removed(it: Running, outside: Outside) -> None:
    await outside.switch(outside.push, unregistered=[DEVICE])
    await confirmed(it)
    assert await pushed(it) == ("failed", "rustore 404")
    await it.handle(sample("orders.order.cancelled.v1"))
    await it.turn("dispatch")
    assert ("push", "order_cancelled_refunding", "skipped", "no_device") in await states(it)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_what_passes_is_tried_again_when_it_asked(it: Running, outside: Outside, status: int) -> None:
    fault = {"path_prefix": "/rustore/", "status": status, "retry_after_seconds": 9}
    await outside.switch(outside.push, fail_next=[fault])
    await confirmed(it)
    assert await pushed(it) == ("queued", f"rustore {status}")
    for seconds, state in ((8, "queued"), (9, "sent")):
        it.at(NOW + timedelta(seconds=seconds))
        await it.turn("dispatch")
        assert (await pushed(it))[0] == state


async def test_what_is_refused_for_good(it: Running, outside: Outside) -> None:
    await outside.switch(outside.push, fail_next=[{"path_prefix": "/rustore/", "status": 400}])
    await confirmed(it)
    assert await pushed(it) == ("failed", "rustore 400")


async def test_off_unless_it_is_set_up(notifications: Running, outside: Outside) -> None:
    anna = notifications.client("anna", sub=str(APPLICANT))
    assert (await anna.put(f"/v1/devices/{DEVICE}", params={"kind": "rustore"})).status_code == 204
    assert (await anna.put(f"/v1/devices/{DEVICE}", params={"kind": "pager"})).status_code == 422
    await confirmed(notifications)
    assert await pushed(notifications) == ("skipped", "push_not_configured")
