"""Memberships that are sold online: who can be, how the button looks, what guests see (D1, D2)."""

from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from foyer_chassis.testing import Running

MEMBERSHIP: dict[str, Any] = {
    "title": "Абонемент «Утро»",
    "title_en": "Morning pass",
    "kind": "membership",
    "membership_type_id": str(uuid4()),
    "permanent": True,
    "price": {"amount": 300_000, "currency": "RUB"},
    "short_text": "8 занятий",
    "responsible_ids": [str(uuid4())],
    "online_sale": {"text": "Купить абонемент"},
}


async def create(orders: Running, **more: Any) -> Any:
    return await orders.client("alex", "administrator").post(
        "/v1/offerings", json={**MEMBERSHIP, **more}, headers={"Idempotency-Key": uuid4().hex}
    )


async def sold(orders: Running, **button: Any) -> str:
    answer = await create(orders, online_sale={"text": "Купить", **button})
    assert answer.status_code == 201, answer.text
    return f"/v1/storefront/offerings/{answer.json()['id']}"


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.feature("D1")
@pytest.mark.parametrize(
    "settings",
    [
        {"permanent": False},
        {"kind": "request", "permanent": False, "membership_type_id": None, "terms": "postpaid"},
        {"kind": "goods", "permanent": False, "membership_type_id": None},
    ],
)
async def test_only_permanent_memberships_are_sold_online(orders: Running, settings: dict[str, Any]) -> None:
    answer = await create(orders, **settings)
    assert problem(answer) == (422, "not-for-online-sale")
    assert answer.json()["title"].startswith("Онлайн-продажа недоступна")


@pytest.mark.feature("D1")
async def test_a_guest_sees_what_is_sold_and_nothing_else(orders: Running) -> None:
    path = await sold(orders)
    guest = orders.client()
    answer = await guest.get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["title"], body["price"]["amount"], body["button"]["text"]) == ("Morning pass", 300_000, "Купить")
    assert (await guest.get(path)).json()["title"] == "Абонемент «Утро»"
    # Nothing about who works there.
    assert set(body) == {
        "id",
        "kind",
        "title",
        "short_text",
        "description",
        "cover_url",
        "price",
        "legal_entity_id",
        "button",
    }
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.feature("D1")
async def test_what_is_not_sold_is_not_there(orders: Running) -> None:
    guest = orders.client()
    hidden = [
        (await create(orders, online_sale=None)).json()["id"],
        (await create(orders, online_sale={"enabled": False})).json()["id"],
        (await create(orders, active=False)).json()["id"],
        (await create(orders, kind="request", membership_type_id=None, permanent=False, online_sale=None)).json()["id"],
        str(uuid4()),
    ]
    for id_ in hidden:
        for path in ("", "/button", "/button/preview"):
            assert (await guest.get(f"/v1/storefront/offerings/{id_}{path}")).status_code == 404


@pytest.mark.feature("D2")
async def test_every_part_of_the_buttons_design_reaches_the_snippet(orders: Running) -> None:
    path = await sold(
        orders,
        text="Хочу!",
        text_colour="#112233",
        text_size_px=21,
        bold=True,
        background="#abcdef",
        border_colour="#445566",
        border_width_px=3,
        radius_px=17,
        width_px=321,
        height_px=65,
    )
    answer = (await orders.client().get(f"{path}/button")).json()
    [(tag, attributes)] = Elements(answer["snippet"]).found
    style = dict(part.split(":", 1) for part in str(attributes["style"]).split(";"))
    assert (tag, attributes["href"], Elements(answer["snippet"]).text) == ("a", answer["url"], "Хочу!")
    assert answer["url"].endswith(f"/storefront/{path.rpartition('/')[2]}")
    assert style == style | {
        "color": "#112233",
        "font-size": "21px",
        "font-weight": "bold",
        "background": "#abcdef",
        "border": "3px solid #445566",
        "border-radius": "17px",
        "width": "321px",
        "height": "65px",
    }


THE_TEXT_OF_A_BUTTON_IS_TEXT: list[str] = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt;",
    "</a><a href=javascript:x>",
    "{title}",
]


@pytest.mark.feature("D2")
async def test_the_text_of_a_button_is_text(orders: Running) -> None:
    for text in THE_TEXT_OF_A_BUTTON_IS_TEXT:
        path = await sold(orders, text=text)
        snippet = (await orders.client().get(f"{path}/button")).json()["snippet"]
        page = await orders.client().get(f"{path}/button/preview")
        assert [tag for tag, _ in Elements(snippet).found] == ["a"]
        assert Elements(snippet).text == text
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert snippet in page.text
        assert [tag for tag, _ in Elements(page.text).found] == ["html", "head", "meta", "meta", "title", "body", "a"]


DESIGNS_THAT_CANNOT_BE: list[dict[str, Any]] = [
    {"text": " "},
    {"text": "x" * 61},
    {"text_colour": "red"},
    {"background": "#12345"},
    {"background": "#123456;position:fixed"},
    {"background": "url(https://evil.test)"},
    {"border_colour": "#123456\n"},
    {"text_size_px": 7},
    {"text_size_px": 49},
    {"border_width_px": -1},
    {"border_width_px": 11},
    {"radius_px": 101},
    {"width_px": 39},
    {"width_px": 601},
    {"height_px": 19},
    {"height_px": 201},
    {"bold": "very"},
    {"onclick": "alert(1)"},
]


@pytest.mark.feature("D2")
async def test_designs_that_cannot_be(orders: Running) -> None:
    for button in DESIGNS_THAT_CANNOT_BE:
        assert problem(await create(orders, online_sale=button)) == (422, "invalid")


@pytest.mark.feature("D2")
async def test_a_design_is_seen_before_it_is_stored(orders: Running) -> None:
    created = (await create(orders, online_sale=None)).json()
    path, body = f"/v1/offerings/{created['id']}/button-preview", {"text": "Проба", "radius_px": 33}
    answer = await orders.client("alex", "administrator").post(path, json=body)
    assert answer.status_code == 200
    assert "border-radius:33px" in answer.json()["snippet"]
    assert (await orders.client("alex", "administrator").get(f"/v1/offerings/{created['id']}")).json() == created
    assert (await orders.client("anna").post(path, json=body)).status_code == 403
    assert (await orders.client("alex", "administrator").post(path, json={"radius_px": 333})).status_code == 422
    other = (await create(orders, permanent=False, online_sale=None)).json()
    refused = await orders.client("alex", "administrator").post(
        f"/v1/offerings/{other['id']}/button-preview", json=body
    )
    assert problem(refused) == (422, "not-for-online-sale")
