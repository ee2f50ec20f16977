"""What sellers' payment pages look like, and the page itself (D8)."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from payments.looks.domain import Look, LookInvalidError, check, contrast

from .conftest import FINANCE, Shop, rub

LOOK: dict[str, Any] = {
    "logo_url": "https://cdn.example.test/logo.png?v=2",
    "background_colour": "#102030",
    "text_colour": "#FFFFFF",
    "button_colour": "#ffcc00",
    "button_text_colour": "#000000",
    "heading": {"ru": "Оплата <b>занятий</b>", "en": "Paying for classes"},
    "note": {"ru": "Вопросы: 8 800 000-00-00 & чат"},
    "button": {"ru": "Заплатить"},
}


async def put(shop: Shop, seller: str, look: dict[str, Any], *, version: int = 0, who: Any = FINANCE) -> Any:
    headers = {"If-Match": f'"{version}"'}
    return await shop.it.client(*who).put(f"/v1/legal-entities/{seller}/look", json=look, headers=headers)


async def page(shop: Shop, order_id: UUID, **query: str) -> Any:
    (row,) = await shop.rows("SELECT id FROM payments WHERE order_id = :o ORDER BY id LIMIT 1", o=order_id)
    return await shop.it.client().get("/v1/page", params={"payment_id": str(row["id"]), **query})


@pytest.mark.feature("D8")
async def test_a_page_from_the_link_to_the_outcome_as_the_seller_wants_it(shop: Shop) -> None:
    seller = await shop.seller(surcharge_percent="2.5", name="ООО «Рога & <копыта>»")
    assert (await put(shop, seller, LOOK)).status_code == 200
    order_id = await shop.with_link(total=rub(1234567))
    shown = await page(shop, order_id)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    html = shown.text
    their = (await shop.provider.of_order(order_id))[0]["payment"]
    for part in (
        '<html lang="ru">',
        'src="https://cdn.example.test/logo.png?v=2"',
        "background: #102030; color: #FFFFFF",
        "background: #ffcc00; color: #000000",
        "Оплата &lt;b&gt;занятий&lt;/b&gt;",
        "Вопросы: 8 800 000-00-00 &amp; чат",
        ">Заплатить</a>",
        f'href="{their["confirmation"]["confirmation_url"]}"',
        # 12 345.67 and 2.5 % of it, 308.64175, half up 308.64
        "12\N{NO-BREAK SPACE}654,31\N{NO-BREAK SPACE}₽",
        "308,64\N{NO-BREAK SPACE}₽",
        'http-equiv="refresh"',
        "Рога &amp; &lt;копыта&gt;",
    ):
        assert part in html, part
    policy = shown.headers["content-security-policy"]
    nonce = policy.partition("nonce-")[2].partition("'")[0]
    assert f'<style nonce="{nonce}">' in html
    assert "script" not in html
    assert "frame-ancestors 'none'" in policy
    assert nonce not in (await page(shop, order_id)).text, "a new one each time"
    english = (await page(shop, order_id, lang="en")).text
    for part in ('<html lang="en">', "Paying for classes", ">Pay</a>", "12,654.31\N{NO-BREAK SPACE}₽"):
        assert part in english, part
    assert "8 800" not in english, "there is no note in English"

    await shop.provider.act("pay", their["id"])
    assert "Оплачено" not in (await page(shop, order_id)).text, "only what the provider told us counts"
    await shop.later(seconds=10)
    await shop.it.turn("check")
    paid = (await page(shop, order_id)).text
    assert "Оплачено" in paid
    assert "<a " not in paid
    assert "refresh" not in paid
    (row,) = await shop.rows("SELECT id FROM payments")
    outcome = (await shop.it.client().get(f"/v1/outcomes/{row['id']}")).json()
    assert (outcome["state"], outcome["look"]) == ("paid", LOOK), "for whoever draws a page of their own"


@pytest.mark.feature("D8")
async def test_the_page_of_a_payment_that_another_one_took_the_place_of(shop: Shop) -> None:
    order_id = await shop.with_link()
    await shop.provider.act("decline", await shop.provider_id(order_id))
    await shop.later(seconds=10)
    await shop.it.turn("check")
    await shop.it.turn("create")
    link = (await shop.provider.of_order(order_id))[0]["payment"]["confirmation"]["confirmation_url"]
    assert f'href="{link}"' in (await page(shop, order_id)).text, "the old address shows the new page to pay"
    await shop.it.handle(shop.cancelled(order_id))
    over = (await page(shop, order_id, lang="en")).text
    assert "did not go through" in over
    assert "<a " not in over
    assert (await shop.it.client().get("/v1/page", params={"payment_id": str(uuid4())})).status_code == 404


@pytest.mark.feature("D8")
async def test_who_furnishes_it_and_two_at_once(shop: Shop) -> None:
    seller = await shop.seller()
    path = f"/v1/legal-entities/{seller}/look"
    untouched = await shop.it.client("rita", "rent_manager").get(path)
    assert (untouched.status_code, untouched.json()["button_colour"]) == (200, "#1f5eff")
    version = int(untouched.headers["ETag"].strip('"'))
    assert (await shop.it.client("anna").get(path)).status_code == 403
    assert (await put(shop, seller, LOOK, who=("rita", "rent_manager"))).status_code == 403
    assert (await put(shop, str(uuid4()), LOOK)).status_code == 404
    answers = await asyncio.gather(*(put(shop, seller, LOOK, version=version) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert (await put(shop, seller, {}, version=1)).headers["ETag"] == '"2"'
    assert (await shop.it.client(*FINANCE).get(path)).json()["logo_url"] is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"text_colour": "red"}, "text_colour"),
    ({"button_colour": "#fff"}, "button_colour"),
    ({"background_colour": "#12345g"}, "background_colour"),
    ({"background_colour": "#000000", "text_colour": "#222222"}, "text_colour"),
    ({"button_colour": "#ffffff", "button_text_colour": "#ffff00"}, "button_text_colour"),
    ({"logo_url": "http://example.test/logo.png"}, "logo_url"),
    ({"logo_url": "https://"}, "logo_url"),
    ({"logo_url": "https://user@example.test/"}, "logo_url"),
    ({"logo_url": "https://example.test:x/"}, "logo_url"),
    ({"logo_url": 'https://example.test/"onload='}, "logo_url"),
    ({"logo_url": "javascript:alert(1)"}, "logo_url"),
    ({"heading": {"ru": "я" * 101}}, "heading.ru"),
    ({"note": {"en": "x" * 501}}, "note.en"),
    ({"button": {"en": "   "}}, "button.en"),
    ({"note": {"ru": "\x00"}}, "note.ru"),
]


@pytest.mark.feature("D8")
async def test_what_it_cannot_look_like(shop: Shop) -> None:
    seller = await shop.seller()
    for change, field in WRONG:
        answer = await put(shop, seller, {**LOOK, **change})
        assert (answer.status_code, answer.json()["field"]) == (422, field), change
        assert answer.json()["allowed"]
        with pytest.raises(LookInvalidError):
            check(Look(**{**LOOK, **change}))
    assert (await shop.it.client(*FINANCE).get(f"/v1/legal-entities/{seller}/look")).headers["ETag"] == '"0"'


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # The examples of WCAG: black on white is 21 to 1; #777777 on white just fails, #767676 just passes 4.5.
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#FFFFFF", 4.54),
    ],
)
def test_contrast(one: str, other: str, expected: float) -> None:
    assert round(contrast(one, other), 2) == expected
    assert contrast(one, other) == contrast(other, one)
