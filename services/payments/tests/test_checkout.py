"""Paying as one chooses: amount with commission, email, way, cards; receipts of it; money in two stages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Databases, Identity
from foyer_contracts import payments as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES
from payments.paying.domain.receipts import of_part, receipt, shares

from .conftest import ANNA, FINANCE, Provider, Shop, opened, rub

RECEIPTS = {"enabled": True, "tax_system": 1, "payment_subject": "service", "fallback_email": "shop@example.test"}


async def number_of(shop: Shop, order_id: UUID) -> int:
    (row,) = await shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    return int(row["number"])


async def newest(shop: Shop, order_id: UUID) -> Any:
    return (await shop.provider.of_order(order_id))[0]


async def pay(shop: Shop, number: int, **body: Any) -> Any:
    answer = await shop.post(ANNA, f"/invoices/{number}/pay", body)
    await shop.it.turn("create")
    return answer


async def settle(shop: Shop, order_id: UUID) -> None:
    await shop.provider.act("pay", (await newest(shop, order_id))["payment"]["id"])
    await shop.later(minutes=5)
    await shop.it.turn("check")


@pytest.mark.feature("D4")
@pytest.mark.feature("B20")
async def test_the_commission_on_top(shop: Shop) -> None:
    await shop.seller(surcharge_percent="2.5")
    order_id = await shop.with_link(total=rub(10020))
    number = await number_of(shop, order_id)
    shown = (await shop.it.client("anna").get(f"/v1/invoices/{number}/checkout")).json()
    # 2.5 % of 100.20 is 2.505, half up 2.51.
    assert [shown[name]["amount"] for name in ("amount", "surcharge", "charged")] == [10020, 251, 10271]
    await settle(shop, order_id)
    assert (await newest(shop, order_id))["sums"]["paid"] == 10271
    paid = await shop.one(events.PaymentSucceeded.type, order_id)
    assert (paid.amount, paid.paid_total, paid.invoice_paid) == (rub(10020), rub(10020), True)
    await shop.it.handle(shop.cancelled(order_id, refund=5010))
    await shop.it.turn("refund")
    # Half of it goes back with half of the commission, rounded down …
    assert (await newest(shop, order_id))["sums"]["refunded"] == 5010 + 125
    again = shop.cancelled(order_id, refund=5010)
    await shop.it.handle(again)
    await shop.it.turn("refund")
    # … and with the rest all of it.
    assert (await newest(shop, order_id))["sums"]["kept"] == 0
    rows = await shop.rows("SELECT account, sum(amount)::int AS left FROM ledger_postings GROUP BY 1")
    assert {row["left"] for row in rows} == {0}


@pytest.mark.feature("B20")
@pytest.mark.parametrize("way", ["bank_card", "sbp"])
async def test_the_payer_chooses(shop: Shop, way: str) -> None:
    order_id = await shop.with_link()
    old = await shop.provider_id(order_id)
    number = await number_of(shop, order_id)
    assert (await pay(shop, number, email="anna@example.test", way=way)).status_code == 202
    page = await newest(shop, order_id)
    assert (page["payment"]["id"] != old, page["payment"]["payment_method"]["type"]) == (True, way)
    shown = (await shop.it.client("anna").get(f"/v1/invoices/{number}")).json()
    assert shown["link"] == page["payment"]["confirmation"]["confirmation_url"]
    await settle(shop, order_id)
    assert (await shop.one(events.PaymentSucceeded.type, order_id)).method == way
    refused = await pay(shop, number)
    assert (refused.status_code, refused.json()["state"]) == (409, "paid")


@pytest.mark.feature("B20")
async def test_a_card_is_saved_used_and_forgotten(shop: Shop) -> None:
    first = await shop.with_link()
    await pay(shop, await number_of(shop, first), save_card=True)
    await settle(shop, first)
    anna, boris = shop.it.client("anna"), shop.it.client("boris")
    (card,) = (await anna.get("/v1/cards")).json()["items"]
    assert card["title"] == "Bank card *4477"
    (row,) = await shop.rows("SELECT token FROM saved_cards")
    for path in ("/v1/cards", "/v1/payments", "/v1/invoices"):
        assert row["token"] not in (await anna.get(path)).text.replace(await shop.provider_id(first), ""), path
    second = await shop.with_link()
    number = await number_of(shop, second)
    assert (await boris.get(f"/v1/invoices/{number}/checkout")).status_code == 404
    offered = (await anna.get(f"/v1/invoices/{number}/checkout")).json()
    assert [item["id"] for item in offered["cards"]] == [card["id"]]
    assert (await pay(shop, number, card_id=str(uuid4()))).status_code == 404
    assert (await pay(shop, number, card_id=card["id"], save_card=True)).status_code == 422
    assert (await pay(shop, number, card_id=card["id"])).status_code == 202
    assert (await shop.events(second))[-2:] == ["payment.succeeded", "invoice.paid"], "without a page"
    assert (await boris.delete(f"/v1/cards/{card['id']}")).status_code == 404
    assert (await anna.delete(f"/v1/cards/{card['id']}")).status_code == 204
    assert (await anna.get("/v1/cards")).json()["items"] == []
    rows = await shop.rows("SELECT choice::text FROM payments UNION ALL SELECT token FROM saved_cards")
    assert all(row["choice"] == "{}" or "card_token" not in row["choice"] for row in rows), "its token is gone"


@pytest.mark.feature("B20")
async def test_no_card_data_passes_through(shop: Shop) -> None:
    """Whoever tries to hand a card to us is not heard: nothing of it is kept, sent on or written to a log."""
    order_id = await shop.with_link()
    number = await number_of(shop, order_id)
    card = {"number": "4111111111111111", "csc": "123", "expiry_month": "12", "expiry_year": "2035"}
    answer = await pay(
        shop, number, way="bank_card", card=card, payment_method_data={"type": "bank_card", "card": card}
    )
    assert answer.status_code in (202, 422)
    for table in ("payments", "saved_cards", "idempotency_keys", "outbox"):
        rows = await shop.rows(f"SELECT to_jsonb(t)::text AS row FROM {table} t")
        assert all(card["number"] not in row["row"] for row in rows), table
    assert all(card["number"] not in str(item) for item in await shop.provider.of_order(order_id))
    schemas = shop.it.app.openapi()["components"]["schemas"]
    fields = {name for schema in schemas.values() for name in schema.get("properties", {})}
    assert not fields & {"card", "card_number", "pan", "number_of_card", "cvc", "cvv", "csc", "expiry_month"}


@pytest.mark.feature("B20")
async def test_an_erased_customer_leaves_no_card_and_no_address(shop: Shop) -> None:
    await shop.seller(receipts=RECEIPTS)
    order_id = await shop.with_link()
    await pay(shop, await number_of(shop, order_id), save_card=True, email="anna@example.test")
    await settle(shop, order_id)
    (row,) = await shop.rows("SELECT applicant_id FROM invoices")
    data = SAMPLES["orders.customer.changed.v1"].data.model_copy(
        update={"customer_id": row["applicant_id"], "erased": True}
    )
    await shop.it.handle_twice(Event.make(data, subject=row["applicant_id"], sequence=9, time=shop.it.database.now()))
    assert await shop.rows("SELECT * FROM saved_cards") == []
    rows = await shop.rows(
        "SELECT choice::text || coalesce(receipt::text, '') AS known FROM payments WHERE next_at IS NULL"
    )
    assert all("example.test" not in row["known"] for row in rows)


async def test_who_may_pay_whose_invoice(shop: Shop) -> None:
    order_id = await shop.with_link()
    path = f"/invoices/{await number_of(shop, order_id)}/pay"
    assert (await shop.post(("boris",), path)).status_code == 404
    assert (await shop.post(FINANCE, path)).status_code == 403
    assert (await shop.post(ANNA, path, {"email": "nobody"})).status_code == 422
    assert (await shop.post(ANNA, path, {"way": "cheque"})).status_code == 422
    answers = [await shop.post(ANNA, path, {"way": "sbp"}, key="one click") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await shop.rows("SELECT id FROM payments")) == 2


@pytest.mark.feature("X6")
async def test_receipts_of_payment_refund_and_closing(shop: Shop) -> None:
    await shop.seller(receipts=RECEIPTS, vat_mode="included", vat_rate=22, surcharge_percent="1")
    order_id = await shop.with_link()
    first = (await newest(shop, order_id))["receipt"]
    assert first["customer"] == {"email": "shop@example.test"}, "nobody's address is known yet"
    await pay(shop, await number_of(shop, order_id), email="anna@example.test")
    given = (await newest(shop, order_id))["receipt"]
    assert (given["customer"], given["tax_system_code"]) == ({"email": "anna@example.test"}, 1)
    assert [
        (item["description"], item["quantity"], item["amount"]["value"], item["vat_code"], item["payment_mode"])
        for item in given["items"]
    ] == [
        ("30 минут", "1", "400.00", 12, "full_prepayment"),
        ("Комиссия за оплату", "1", "4.00", 12, "full_prepayment"),
    ]
    await settle(shop, order_id)
    await shop.it.handle(shop.changed(order_id, total=30000, refund=10000))
    await shop.it.turn("refund")
    (back,) = (await newest(shop, order_id))["refunds"]
    assert [item["amount"]["value"] for item in back["receipt"]["items"]] == ["100.00", "1.00"]
    await shop.provider.switch(lose_answer_next=1)
    await shop.it.handle_twice(shop.moved(order_id, "done"))
    await shop.it.turn("close_receipt")
    await shop.later(minutes=1)
    await shop.it.turn("close_receipt")
    (closing,) = (await newest(shop, order_id))["receipts"]
    assert closing["settlements"] == [{"type": "prepayment", "amount": {"value": "303.00", "currency": "RUB"}}]
    assert [(item["payment_mode"], item["vat_code"]) for item in closing["items"]] == [("full_payment", 11)] * 2
    (row,) = await shop.rows("SELECT status, provider_receipt_id AS id FROM closing_receipts")
    assert row == {"status": "sent", "id": closing["id"]}


@pytest.mark.feature("X6")
@pytest.mark.parametrize("terms", ["prepaid", "part_payment"])
async def test_money_that_comes_after_the_order_is_done_is_closed_too(shop: Shop, terms: str) -> None:
    await shop.seller(receipts=RECEIPTS, vat_mode="included", vat_rate=22)
    order_id = await shop.with_link(terms=terms)
    await shop.it.handle_twice(shop.moved(order_id, "done"))
    await shop.it.turn("close_receipt")
    assert (await newest(shop, order_id))["receipts"] == []
    await settle(shop, order_id)
    await shop.it.turn("close_receipt")
    (closing,) = (await newest(shop, order_id))["receipts"]
    assert closing["settlements"] == [{"type": "prepayment", "amount": {"value": "400.00", "currency": "RUB"}}]
    await shop.it.handle(shop.moved(order_id, "done", sequence=5))
    await shop.it.turn("close_receipt")
    assert len((await newest(shop, order_id))["receipts"]) == 1, "closed once"
    # What is given back after that is given back of a full payment.
    await shop.it.handle(shop.cancelled(order_id, refund=10000))
    await shop.it.turn("refund")
    (back,) = (await newest(shop, order_id))["refunds"]
    assert [(item["payment_mode"], item["vat_code"]) for item in back["receipt"]["items"]] == [("full_payment", 11)]


@pytest.mark.feature("X6")
async def test_money_and_the_end_of_the_order_at_the_same_time(shop: Shop) -> None:
    """Whichever of the two commits first, the other one sees it: both lock the order's account."""
    await shop.seller(receipts=RECEIPTS)
    for number in range(6):
        order_id = await shop.with_link(number=number)
        await shop.provider.act("pay", (await newest(shop, order_id))["payment"]["id"])
        await shop.later(seconds=10)
        await asyncio.gather(shop.it.turn("check"), shop.it.handle(shop.moved(order_id, "done", number=number)))
    (row,) = await shop.rows("SELECT count(*) AS closings FROM closing_receipts")
    assert row["closings"] == 6


@pytest.mark.feature("X6")
async def test_paid_after_delivery_is_a_full_payment(shop: Shop) -> None:
    await shop.seller(receipts=RECEIPTS)
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id), shop.moved(order_id, "done"))
    await shop.it.handle(shop.priced(order_id, terms="part_payment"))
    await shop.it.turn("create")
    (item,) = (await newest(shop, order_id))["receipt"]["items"]
    assert item["payment_mode"] == "full_payment"


def contact(person_id: UUID, email: str | None, *, sequence: int, at: Any) -> Event[Any]:
    data = SAMPLES["orders.contact.changed.v1"].data.model_copy(update={"person_id": person_id, "email": email})
    return Event.make(data, subject=person_id, sequence=sequence, time=at)


@pytest.mark.feature("X6")
@pytest.mark.feature("D3")
async def test_a_guests_receipt_goes_to_the_guests_own_address(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody asked the guest again: the address with which the membership was bought travels privately."""
    await shop.seller(receipts=RECEIPTS)
    guest, now = new_id(), shop.it.database.now()
    newer = contact(guest, "guest@example.test", sequence=2, at=now)
    older = contact(guest, "typo@example.test", sequence=1, at=now)
    await shop.it.handle_twice(newer)
    await shop.it.handle(older)
    order_id = await shop.with_link(applicant_id=guest)
    assert (await newest(shop, order_id))["receipt"]["customer"] == {"email": "guest@example.test"}
    data = SAMPLES["orders.customer.changed.v1"].data.model_copy(update={"customer_id": guest, "erased": True})
    erased = Event.make(data, subject=guest, sequence=3, time=now)
    await shop.it.handle(erased, contact(guest, None, sequence=3, at=now))
    assert await shop.rows("SELECT email FROM customer_copies WHERE customer_id = :g", g=guest) == [{"email": None}]
    another = await shop.with_link(applicant_id=guest, number=2)
    assert (await newest(shop, another))["receipt"]["customer"] == {"email": "shop@example.test"}
    assert "guest@example.test" not in "".join(capfd.readouterr())


async def test_receipts_are_made_in_roubles_only(shop: Shop) -> None:
    body = {"name": "x", "currency": "EUR", "receipts": RECEIPTS}
    assert (await shop.post(FINANCE, "/legal-entities", body)).status_code == 422


@pytest.mark.feature("X6")
async def test_what_needs_no_closing_and_what_a_provider_refuses(shop: Shop) -> None:
    await shop.seller(receipts=RECEIPTS)
    returned = await shop.paid()
    await shop.it.handle(shop.changed(returned, total=0, refund=40000))
    await shop.it.turn("refund")
    await shop.it.handle(shop.moved(returned, "done"))
    await shop.it.turn("close_receipt")
    refused = await shop.paid(number=2)
    await shop.provider.switch(fail_next=[{"status": 400, "path_prefix": "/v3/receipts"}])
    await shop.it.handle(shop.moved(refused, "done", number=2))
    await shop.it.turn("close_receipt")
    rows = await shop.rows("SELECT status, failure FROM closing_receipts ORDER BY payment_id")
    assert [(row["status"], row["failure"]) for row in rows] == [("void", None), ("failed", "invalid_request")]


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        (10000, [3333, 3333, 3333], [3334, 3333, 3333]),
        (100, [1, 1, 1, 1], [25, 25, 25, 25]),
        (1, [5, 5], [1, 0]),
        (9999, [9999], [9999]),
        (2, [1, 1, 1], [1, 1, 0]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_shares_are_whole_and_come_to_the_amount(amount: int, weights: list[int], expected: list[int]) -> None:
    assert shares(amount, weights) == expected
    assert sum(shares(amount, weights)) == amount


@pytest.mark.feature("X6")
def test_a_receipt_always_comes_to_what_is_charged() -> None:
    lines = [
        {"title": "Ночь", "quantity": 3, "total": {"amount": 8999}},
        {"title": "Завтрак", "quantity": 2, "total": {"amount": 1000}, "vat_rate": 10},
        {"title": "Даром", "quantity": 1, "total": {"amount": 0}},
    ]
    made = receipt(
        email="a@b.c",
        tax_system=None,
        subject="service",
        mode="full_prepayment",
        lines=lines,
        vat_rate=22,
        amount=9999,
        surcharge=250,
    )
    assert [(item["title"], item["quantity"], item["total"], item["vat_rate"]) for item in made["items"]] == [
        ("Ночь × 3", 1, 8999, 22),  # 89.99 is no whole price for one of three
        ("Завтрак", 2, 1000, 10),
        ("Комиссия за оплату", 1, 250, 22),
    ]
    part = of_part(made, 5000)
    assert sum(item["total"] for item in part["items"]) == 5000
    assert all(item["quantity"] * item["unit_price"] == item["total"] for item in part["items"])
    many = [{"title": f"{n}", "quantity": 1, "total": {"amount": 10}, "vat_rate": n % 2 * 20} for n in range(200)]
    short = receipt(
        email="a@b.c",
        tax_system=None,
        subject="service",
        mode="advance",
        lines=many,
        vat_rate=None,
        amount=2000,
        surcharge=0,
    )
    assert [(item["total"], item["vat_rate"]) for item in short["items"]] == [(1000, 0), (1000, 20)]


@pytest.fixture
async def staged(databases: Databases, identity: Identity, provider: Provider) -> AsyncIterator[Shop]:
    async with opened(databases, identity, provider, payment_stages="two") as made:
        yield made


async def test_reserved_money_is_taken_while_it_is_wanted(staged: Shop) -> None:
    order_id = await staged.paid()
    assert await staged.account(order_id) == (40000, 0, 0)
    assert (await newest(staged, order_id))["payment"]["status"] == "succeeded"
    await staged.audit()


async def test_reserved_money_that_is_no_longer_wanted_is_let_go_of(staged: Shop) -> None:
    order_id = await staged.with_link()
    their_id = await staged.provider_id(order_id)
    await staged.it.handle(staged.cancelled(order_id))
    await staged.provider.act("pay", their_id)
    await staged.later(minutes=5)
    await staged.it.turn("check")
    assert (await newest(staged, order_id))["payment"]["status"] == "canceled"
    assert await staged.account(order_id) == (0, 0, 0)
    assert "payment.succeeded" not in await staged.events(order_id)
