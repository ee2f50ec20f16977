"""Every rounding and share, against results worked out by hand. Amounts are minor units; 100 are a rouble."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from foyer_chassis.testing import Databases, Identity
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from payments.invoicing.domain.lines import line, percent_of, vat_within
from payments.paying.domain import ProviderRefusedError, ProviderUnclearError
from payments.paying.domain.receipts import receipt, shares
from payments.providers.stripe import amounts
from payments.refunding.domain.positions import becomes
from payments.settlements.domain import Settlement, Taken, share

from .conftest import ANNA, FINANCE, Provider, Shop, StripeSide, opened, rub
from .test_yookassa import payment


def money(amount: int, currency: str = "RUB") -> Money:
    return Money(amount=amount, currency=currency)


@pytest.mark.feature("B16")
@pytest.mark.parametrize(
    ("quantity", "price", "percent", "off", "rate", "on_top", "total", "vat"),
    [
        # 3 × 33.33 = 99.99
        (3, 3333, "0", 0, None, False, 9999, 0),
        # 99.99 − 10 % (9.999, half up 10.00) = 89.99
        (3, 3333, "10", 0, None, False, 8999, 0),
        # 99.99 − 33.33 % (33.326667, half up 33.33) = 66.66
        (3, 3333, "33.33", 0, None, False, 6666, 0),
        # 0.01 − 50 % (half a kopeck, up to 1) = 0
        (1, 1, "50", 0, None, False, 0, 0),
        # 0.03 − 50 % (1.5 kopecks, up to 2) = 0.01
        (1, 3, "50", 0, None, False, 1, 0),
        # 0.01 − 49.99 % (0.4999 kopecks, down to 0) = 0.01
        (1, 1, "49.99", 0, None, False, 1, 0),
        # 100 % off is nothing, and no VAT of it
        (7, 12345, "100", 0, 22, False, 0, 0),
        (7, 12345, "100", 0, 22, True, 0, 0),
        # 2 × 400.00 − 25 % (200.00) − 50.00 = 550.00; the percentage first
        (2, 40000, "25", 5000, None, False, 55000, 0),
        # VAT within: 120.00 × 22/122 = 21.6393, half up 21.64
        (1, 12000, "0", 0, 22, False, 12000, 2164),
        # VAT within: 0.61 × 22/122 = 0.11 to the kopeck
        (1, 61, "0", 0, 22, False, 61, 11),
        # VAT within: 0.03 × 20/120 is half a kopeck, up to 1
        (1, 3, "0", 0, 20, False, 3, 1),
        # VAT on top: 99.99 × 22 % = 21.9978, half up 22.00
        (3, 3333, "0", 0, 22, True, 12199, 2200),
        # VAT on top of the discounted: 89.99 × 5 % = 4.4995, half up 4.50
        (3, 3333, "10", 0, 5, True, 9449, 450),
        # 0 % is a rate, too
        (1, 12000, "0", 0, 0, True, 12000, 0),
    ],
)
def test_a_line(
    quantity: int, price: int, percent: str, off: int, rate: Any, on_top: bool, total: int, vat: int
) -> None:
    made = line(
        title="x",
        unit=None,
        quantity=quantity,
        unit_price=rub(price),
        discount_percent=Decimal(percent),
        discount=rub(off),
        vat_rate=rate,
        vat_on_top=on_top,
    )
    assert (made.total.amount, made.vat.amount) == (total, vat)


@pytest.mark.feature("D4")
@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [
        (40000, "2.8", 1120),  # 11.20
        (10020, "2.5", 251),  # 2.505, half up
        (10019, "2.5", 250),  # 2.50475
        (33333, "1.5", 500),  # 4.99995
        (1, "50", 1),  # half a kopeck
        (1, "49.99", 0),
        (0, "100", 0),
        (10**12, "100", 10**12),
    ],
)
def test_a_percentage(amount: int, percent: str, expected: int) -> None:
    """As surcharge, acquiring and commission."""
    assert percent_of(rub(amount), Decimal(percent)).amount == expected
    assert share(amount, Decimal(percent)) == expected


@pytest.mark.parametrize(
    ("amount", "rate", "expected"),
    [
        (12000, 20, 2000),
        (12000, 10, 1091),
        (10500, 5, 500),
        (10700, 7, 700),
        (12200, 22, 2200),
        (100, 0, 0),
        (5, 10, 0),
    ],
)
def test_vat_within(amount: int, rate: int, expected: int) -> None:
    # 120.00 × 10/110 = 10.909; 0.05 × 10/110 = 0.4545 kopecks
    assert vat_within(rub(amount), rate).amount == expected


@pytest.mark.feature("B21")
@pytest.mark.parametrize(
    ("sold", "quantity", "price", "expected"),
    [
        # 3 × 33.33 − 10 % = 89.99. Two: 66.66 − 6.67 (6.666) = 59.99. One: 33.33 − 3.33 (3.333) = 30.00.
        ({"quantity": 3, "unit_price": 3333, "discount_percent": "10", "total": 8999}, 2, 3333, 5999),
        ({"quantity": 3, "unit_price": 3333, "discount_percent": "10", "total": 8999}, 1, 3333, 3000),
        # Nothing left: the whole total goes back, to the kopeck.
        ({"quantity": 3, "unit_price": 3333, "discount_percent": "10", "total": 8999}, 0, 3333, 0),
        # 3 × 100 − 10 % − 50 = 220. At 99.99 each: 299.97 − 30.00 (29.997) − 50.00 (49.995) = 219.97.
        (
            {"quantity": 3, "unit_price": 10000, "discount_percent": "10", "discount": 5000, "total": 22000},
            3,
            9999,
            21997,
        ),
        # The discount in money in proportion: 3 × 1 − 1 = 2; one: 1 − 0.33 = 0.67.
        ({"quantity": 3, "unit_price": 100, "discount": 100, "total": 200}, 1, 100, 67),
        # What was sold for nothing gives nothing back.
        ({"quantity": 2, "unit_price": 10000, "discount_percent": "100", "total": 0}, 1, 10000, 0),
        # VAT on top: 3 × 33.33 − 10 % = 89.99, with 22 % (19.80, 19.7978) 109.79; two: 59.99 and 13.20 (13.1978).
        ({"quantity": 3, "unit_price": 3333, "discount_percent": "10", "vat_rate": 22, "total": 10979}, 2, 3333, 7319),
    ],
)
def test_a_discounted_position_after_a_refund(sold: dict[str, Any], quantity: int, price: int, expected: int) -> None:
    written = {
        name: rub(value).model_dump() if name in ("unit_price", "discount", "total") else value
        for name, value in sold.items()
    }
    assert becomes(written, quantity, price) == expected


@pytest.mark.feature("D4")
@pytest.mark.parametrize(
    ("received", "surcharge", "parts", "expected"),
    [
        # 2.5 % of 100.20 is 2.51. Half back: 1.255, down to 1.25. The other half: the rest, 1.26.
        (10020, 251, [5010, 5010], [125, 126]),
        # Three thirds of 100.00 with 0.01 on top: only the last one brings it.
        (10000, 1, [3333, 3333, 3334], [0, 0, 1]),
        # 33.33 three times with 1.00: 0.33, then 0.66 less 0.33, then the rest
        (9999, 100, [3333, 3333, 3333], [33, 33, 34]),
    ],
)
def test_the_surcharge_of_parts_given_back(
    received: int, surcharge: int, parts: list[int], expected: list[int]
) -> None:
    paid = payment(amount=rub(received), received=rub(received), surcharge=rub(surcharge))
    back = []
    for part in parts:
        with_it = paid.surcharge_share(rub(part))
        back.append(with_it.amount)
        paid = replace(
            paid,
            refund_reserved=paid.refund_reserved + rub(part),
            surcharge_reserved=paid.surcharge_reserved + with_it,
        )
    assert back == expected
    assert sum(back) == surcharge


@pytest.mark.feature("B6")
@pytest.mark.parametrize(
    ("gross", "charged", "acquiring", "commission", "net"),
    [
        # 400.00 at 2.8 % and 7.5 %: 11.20 and 30.00
        (40000, 40000, 1120, 3000, 35880),
        # 0.05 at 2.8 % is nothing, at 7.5 % 0.375 kopecks: nothing
        (5, 5, 0, 0, 5),
        # 333.33 with 5.00 on top: 9.47324 of 338.33, 24.99975 of 333.33
        (33333, 33833, 947, 2500, 29886),
        # Given back whole: the provider keeps its fee, we keep nothing.
        (0, 40000, 1120, 0, -1120),
    ],
)
def test_a_settlement(gross: int, charged: int, acquiring: int, commission: int, net: int) -> None:
    before = Settlement(new_id(), 1, None, "RUB", 0, {}, 0, Decimal("7.5"), 0)
    taken = Taken(new_id(), "yookassa", charged, share(charged, Decimal("2.8")))
    after = before.after(gross=gross, taken=[taken])
    assert (after.cost_of_acquiring, after.commission, after.net) == (acquiring, commission, net)


@pytest.mark.feature("B6")
@pytest.mark.feature("B7")
@pytest.mark.parametrize(
    ("gross", "disputes", "chargebacks", "net"),
    [
        # 400.00 at 2.9 % and 7.5 % leave 358.40.
        (40000, [(0, 0)], 0, 35840),
        # Lost whole, for 15.00: −56.60. Commission stays: the order brought what it brought.
        (40000, [(40000, 1500)], 41500, -5660),
        # Of 300.00, that is lost in part.
        (40000, [(30000, 1500)], 31500, 4340),
        # Won, and the fee is not given back.
        (40000, [(0, 1500)], 1500, 34340),
        # Two payments, 11.60 kept of the other one as well; one of them is lost.
        (80000, [(40000, 1500), (0, 0)], 41500, 80000 - 2320 - 6000 - 41500),
        # Given back by half, and the whole disputed beside it.
        (20000, [(40000, 0)], 40000, 20000 - 1160 - 1500 - 40000),
    ],
)
def test_what_disputes_cost(gross: int, disputes: list[tuple[int, int]], chargebacks: int, net: int) -> None:
    before = Settlement(new_id(), 1, None, "RUB", 0, {}, 0, Decimal("7.5"), 0)
    taken = [
        Taken(new_id(), "stripe", 40000, share(40000, Decimal("2.9")), charged_back=lost, dispute_fees=fee)
        for lost, fee in disputes
    ]
    after = before.after(gross=gross, taken=taken)
    assert (after.cost_of_chargebacks, after.net) == (chargebacks, net)
    assert after.differs(before)
    assert not after.after(gross=gross, taken=taken).differs(after)


@pytest.mark.feature("X6")
@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        (10000, [3333, 3333, 3333], [3334, 3333, 3333]),
        # 5000 × 8999/9999 = 4499.95, 5000 × 1000/9999 = 500.05: the larger remainder gets the kopeck.
        (5000, [8999, 1000], [4500, 500]),
        (1, [1, 1, 1], [1, 0, 0]),
        (7, [0, 7], [0, 7]),
    ],
)
def test_shares(amount: int, weights: list[int], expected: list[int]) -> None:
    assert sum(shares(amount, weights)) == amount
    assert shares(amount, weights) == expected


def test_a_receipt_of_three_for_99_99() -> None:
    """Three at 33.33 are sold as three; three for 89.99 have no price each, so they are sold as one."""
    for total, quantity, price in ((9999, 3, 3333), (8999, 1, 8999)):
        lines = [{"title": "Час", "quantity": 3, "total": {"amount": total}}]
        made = receipt(
            email="a@b.c",
            tax_system=None,
            subject="service",
            mode="full_payment",
            lines=lines,
            vat_rate=None,
            amount=total,
            surcharge=0,
        )
        (item,) = made["items"]
        assert (item["quantity"], item["unit_price"], item["total"]) == (quantity, price, total)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (money(40000), "400.00"),
        (money(5), "0.05"),
        (money(500, "JPY"), "500"),
        (money(500, "XAF"), "500"),
        (money(5, "ISK"), "5"),
        (money(5124, "KWD"), "5.124"),
        (money(-1, "EUR"), "-0.01"),
    ],
)
def test_major_units(amount: Money, text: str) -> None:
    assert amount.to_decimal_string() == text
    assert Money.from_decimal_string(text, amount.currency) == amount


#: https://docs.stripe.com/currencies#zero-decimal, but for MGA, ISK and UGX, which ISO 4217 counts otherwise.
WITHOUT_DECIMALS = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]


@pytest.mark.parametrize(
    ("amount", "counted"),
    [
        # https://docs.stripe.com/currencies, and #special-cases
        (money(1000, "USD"), 1000),  # 10 USD
        (money(500, "JPY"), 500),  # 500 JPY have no decimals
        (money(5, "ISK"), 500),  # 5 ISK have none, and two must be given
        (money(5, "UGX"), 500),
        (money(500, "MGA"), 5),  # 5.00 MGA by ISO 4217, 5 for Stripe
        (money(1045, "HUF"), 1045),  # whole forints and dollars are wanted of payouts only
        (money(1045, "TWD"), 1045),
        *((money(7, currency), 7) for currency in WITHOUT_DECIMALS),
        *((money(5120, currency), 5120) for currency in ("BHD", "JOD", "KWD", "OMR", "TND")),  # 5.120 KWD
    ],
)
def test_amounts_as_stripe_counts_them(amount: Money, counted: int) -> None:
    assert amounts.units(amount) == counted
    assert amounts.money(counted, amount.currency.lower()) == amount


@pytest.mark.parametrize(
    "amount", [money(550, "MGA"), *(money(5124, currency) for currency in ("BHD", "JOD", "KWD", "OMR", "TND"))]
)
def test_what_stripe_cannot_charge_so_finely(amount: Money) -> None:
    with pytest.raises(ProviderRefusedError):
        amounts.units(amount)


def test_an_answer_of_stripe_that_is_finer_than_the_currency() -> None:
    with pytest.raises(ProviderUnclearError):
        amounts.money(550, "isk")


@pytest.fixture
async def abroad(
    databases: Databases, identity: Identity, provider: Provider, stripe_side: StripeSide
) -> AsyncIterator[Shop]:
    async with opened(
        databases, identity, provider, stripe_url=stripe_side.process.url, stripe_secret_key="sk_test_1"
    ) as made:
        yield made


@pytest.mark.feature("D4")
@pytest.mark.parametrize(
    ("currency", "price", "part", "charged", "theirs", "back"),
    [
        # 1.5 % of 999 ¥ are 14.985, half up 15 ¥. 500 ¥ of 999 take 7 ¥ along (7.507, down).
        ("JPY", 999, 500, 1014, 1014, 507),
        # 1.5 % of 1,000 kr are 15 kr, half of that 7 kr (7.5, down); Stripe counts hundredths that there are not.
        ("ISK", 1000, 500, 1015, 101500, 50700),
    ],
)
async def test_a_seller_abroad_is_paid_at_stripe_in_a_currency_without_minor_units(
    abroad: Shop, stripe_side: StripeSide, currency: str, price: int, part: int, charged: int, theirs: int, back: int
) -> None:
    """While everybody else is paid at YooKassa."""
    await abroad.seller(currency=currency, surcharge_percent="1.5", payment_provider="stripe")
    order_id = await abroad.with_link(total=money(price, currency))
    (row,) = await abroad.rows(
        "SELECT number, provider_payment_id AS id FROM payments JOIN invoices i ON i.id = invoice_id"
    )
    shown = (await abroad.it.client("anna").get(f"/v1/invoices/{row['number']}/checkout")).json()
    assert (shown["charged"], shown["ways"]) == ({"amount": charged, "currency": currency}, ["bank_card"])
    refused = await abroad.post(ANNA, f"/invoices/{row['number']}/pay", {"way": "sbp"})
    assert (refused.status_code, refused.json()["allowed"]) == (422, ["bank_card"])
    await stripe_side.act("pay", row["id"])
    await abroad.later(minutes=1)
    await abroad.it.turn("check")
    assert await abroad.account(order_id) == (price, 0, 0)
    await _give_back(abroad, order_id, part, currency)
    (half,) = await stripe_side.intents_of(order_id)
    assert half["sums"] == {"paid": theirs, "refunded": back}
    await _give_back(abroad, order_id, price - part, currency)
    (after,) = await stripe_side.intents_of(order_id)
    assert after["sums"] == {"paid": theirs, "refunded": theirs}
    assert await abroad.account(order_id) == (price, price, 0)


async def _give_back(shop: Shop, order_id: UUID, amount: int, currency: str) -> None:
    data = shop.cancelled(order_id).data.model_copy(update={"refund": money(amount, currency)})
    await shop.it.handle(Event.make(data, subject=order_id, sequence=3, time=shop.it.database.now()))
    await shop.it.turn("refund")


@pytest.mark.feature("X6")
async def test_a_seller_who_must_give_receipts_is_not_paid_where_none_are_made(abroad: Shop) -> None:
    receipts = {"enabled": True, "fallback_email": "shop@example.test"}
    body = {"name": "x", "payment_provider": "stripe", "receipts": receipts}
    answer = await abroad.post(FINANCE, "/legal-entities", body)
    assert (answer.status_code, answer.json()["field"]) == (422, "receipts.enabled")
    assert (await abroad.post(FINANCE, "/legal-entities", {**body, "payment_provider": None})).status_code == 201


async def test_a_provider_without_credentials_cannot_be_chosen(shop: Shop) -> None:
    body = {"name": "x", "payment_provider": "stripe"}
    answer = await shop.post(FINANCE, "/legal-entities", body)
    assert (answer.status_code, answer.json()["allowed"]) == (422, [None, "yookassa"])
    made = (await shop.post(FINANCE, "/legal-entities", {"name": "x"})).json()
    put = await shop.it.client(*FINANCE).put(f"/v1/legal-entities/{made['id']}", json=body, headers={"If-Match": '"1"'})
    assert put.status_code == 422
