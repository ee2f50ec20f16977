"""What people and other services write is text in mails, never markup, header or address."""

import pytest
from foyer_chassis.testing import Running
from foyer_contracts.samples import SAMPLES

from .conftest import Outside, contact, sample, states

STATUS = "orders.order.status_changed.v1"
HELD = "booking.places.held.v1"
PRICED = "orders.order.priced.v1"
LINK = "payments.payment.link_created.v1"


@pytest.mark.parametrize(
    "name",
    [
        '<img src=x onerror="alert(1)">&amp;',
        "Анна\r\nBcc: victim@example.test\r\n\r\nhello",
        "</mj-text><mj-raw><script>alert(1)</script></mj-raw>",
        "{{ 7 * 7 }}{% raw %} { $number }",
        "Анна\u202eтест\u2028строка",
        '"," <x@y.z>',
        "x" * 5000,
    ],
)
async def test_names_are_text(notifications: Running, outside: Outside, name: str) -> None:
    await notifications.handle(contact(display_name=name), sample(HELD), sample(PRICED), sample(STATUS))
    await notifications.turn("dispatch")
    assert ("email", "order_confirmed", "sent", None) in await states(notifications)
    (mail,) = await outside.mails()
    headers = dict(mail["headers"])
    assert "Bcc" not in headers
    assert mail["to"] == ["anna@example.test"]
    for markup in ("<img", "<script", "<mj-", 'onerror="', "49"):
        if markup != "49" or "{{" in name:
            assert markup not in mail["html"]
    assert "\u202e" not in mail["text"]


async def test_places_are_text_too(notifications: Running, outside: Outside) -> None:
    places = SAMPLES[HELD].data.places.model_copy(update={"resource_name": "<b>Нева</b>\n<script>1</script>"})
    await notifications.handle(contact(), sample(HELD, places=places), sample(PRICED), sample(STATUS))
    await notifications.turn("dispatch")
    (mail,) = await outside.mails()
    assert "<b>Нева" not in mail["html"]
    assert "&lt;b&gt;Нева&lt;/b&gt; &lt;script&gt;1&lt;/script&gt;" in mail["html"]
    assert "<b>Нева</b> <script>1</script>, Фойе на Литейном" in mail["text"]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", 'https://x/"><script>', "https://x/ y", "ftp://x/", "https://x/" + "y" * 3000]
)
async def test_link_that_is_no_web_address_makes_no_button(notifications: Running, outside: Outside, url: str) -> None:
    await notifications.handle(contact(), sample(HELD), sample(PRICED))
    await notifications.handle(sample(LINK, url=url))
    await notifications.turn("dispatch")
    (mail,) = await outside.mails()
    assert url not in mail["text"] + mail["html"]
    assert "href=" not in mail["html"]


async def test_unknown_time_zone_is_shown_as_utc(notifications: Running, outside: Outside) -> None:
    places = SAMPLES[HELD].data.places.model_copy(update={"time_zone": "../../etc/passwd"})
    await notifications.handle(contact(), sample(HELD, places=places), sample(PRICED), sample(STATUS))
    await notifications.turn("dispatch")
    (mail,) = await outside.mails()
    assert "10:00–12:00 (UTC)" in mail["text"]
