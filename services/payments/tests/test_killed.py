"""A worker killed between our commit and the provider's, at each point: healed, and nothing done twice (X3)."""

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from foyer_chassis.testing import Databases, Identity
from payments.auditing.use_cases import replay

from .conftest import ANNA, FINANCE, Provider, StripeSide
from .sides import NAMES, Till, till
from .test_checkout import RECEIPTS

WHERE = ["claimed", "asked"]


@pytest.fixture(params=NAMES)
async def at(
    request: pytest.FixtureRequest,
    databases: Databases,
    identity: Identity,
    provider: Provider,
    stripe_side: StripeSide,
) -> AsyncIterator[Till]:
    stages = "two" if "two_stages" in request.node.name else "one"
    async with till(request.param, databases, identity, provider, stripe_side, payment_stages=stages) as made:
        yield made


async def their_id(at: Till) -> str:
    (row,) = await at.shop.rows("SELECT provider_payment_id AS id FROM payments")
    return str(row["id"])


async def turned(at: Till, loop: str, where: str) -> None:
    """The loop runs and is killed; its lease runs out; it runs again."""
    with at.killed(where):
        await at.shop.it.turn(loop)
    await at.shop.later(minutes=10)
    await at.shop.it.turn(loop)


async def agree(at: Till, order_id: UUID, *, paid: int, refunded: int = 0) -> None:
    async with at.shop.it.database.transaction() as transaction:
        assert (await replay(transaction)).differences == []
    (charge,) = await at.charges()
    assert (charge.paid, charge.refunded) == (paid, refunded)
    assert await at.shop.account(order_id) == (paid, refunded, 0)
    names = await at.shop.events(order_id)
    assert names.count("payment.succeeded") == 1
    assert names.count("refund.succeeded") == (1 if refunded else 0)


async def paid(at: Till, **changes: Any) -> UUID:
    order_id = await at.shop.with_link(**changes)
    await at.act("pay", await their_id(at))
    await at.shop.later(minutes=1)
    await at.shop.it.turn("check")
    return order_id


@pytest.mark.feature("X3")
@pytest.mark.parametrize("where", WHERE)
async def test_making_a_payment(at: Till, where: str) -> None:
    order_id = await at.shop.it_was_priced()
    await turned(at, "create", where)
    await at.act("pay", await their_id(at))
    await at.shop.later(minutes=10)
    await at.shop.it.turn("check")
    await agree(at, order_id, paid=40000)


@pytest.mark.feature("X3")
@pytest.mark.parametrize("where", WHERE)
async def test_learning_that_it_was_paid(at: Till, where: str) -> None:
    order_id = await at.shop.with_link()
    await at.act("pay", await their_id(at))
    await at.shop.later(minutes=1)
    await turned(at, "check", where)
    await agree(at, order_id, paid=40000)


@pytest.mark.feature("X3")
@pytest.mark.parametrize("where", WHERE)
async def test_taking_reserved_money_in_two_stages(at: Till, where: str) -> None:
    order_id = await at.shop.with_link()
    await at.act("pay", await their_id(at))
    await at.shop.later(minutes=1)
    await turned(at, "check", where)
    await agree(at, order_id, paid=40000)


@pytest.mark.feature("X3")
@pytest.mark.feature("A27")
@pytest.mark.parametrize("where", WHERE)
async def test_giving_money_back(at: Till, where: str) -> None:
    order_id = await paid(at)
    await at.shop.it.handle(at.shop.cancelled(order_id, refund=40000))
    with at.killed(where):
        await at.shop.it.turn("refund")
    (charge,) = await at.charges()
    assert charge.refunded == (40000 if where == "asked" else 0), "killed there and not elsewhere"
    assert await at.shop.account(order_id) == (40000, 0, 40000)
    await turned(at, "refund", where)
    await agree(at, order_id, paid=40000, refunded=40000)


async def with_saved_card(at: Till) -> UUID:
    """An order of Anna's that she paid, saving her card."""
    order_id = await at.shop.with_link(number=1)
    (row,) = await at.shop.rows("SELECT number FROM invoices")
    await at.shop.post(ANNA, f"/invoices/{row['number']}/pay", {"save_card": True})
    await at.shop.it.turn("create")
    (row,) = await at.shop.rows("SELECT provider_payment_id AS id FROM payments WHERE status = 'pending'")
    await at.act("pay", row["id"])
    await at.shop.later(minutes=1)
    await at.shop.it.turn("check")
    return order_id


async def charged_to_card(at: Till) -> UUID:
    """Another order of hers that she wants to pay with that card; the provider was not asked yet."""
    (card,) = (await at.shop.it.client("anna").get("/v1/cards")).json()["items"]
    order_id = await at.shop.it_was_priced(number=2, pay_until=None)
    (row,) = await at.shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    await at.shop.post(ANNA, f"/invoices/{row['number']}/pay", {"card_id": card["id"]})
    return order_id


@pytest.mark.feature("X3")
@pytest.mark.parametrize("where", WHERE)
async def test_charging_a_saved_card(at: Till, where: str) -> None:
    """The one payment that no payer confirms: asked for again it must be the same."""
    first = await with_saved_card(at)
    second = await charged_to_card(at)
    await turned(at, "create", where)
    await at.shop.it.turn("check")
    assert [charge.paid for charge in await at.charges()] == [40000, 40000], "one charge for each order"
    assert await at.shop.account(first) == (40000, 0, 0)
    assert await at.shop.account(second) == (40000, 0, 0)


@pytest.mark.feature("X3")
async def test_a_saved_card_whose_key_may_be_forgotten_is_not_charged_again(
    at: Till, capfd: pytest.CaptureFixture[str]
) -> None:
    """The answer was lost and nobody was there for a day: whether it was charged, a person has to see at the provider."""
    first = await with_saved_card(at)
    second = await charged_to_card(at)
    with at.killed("asked"):
        await at.shop.it.turn("create")
    assert len(await at.charges()) == 2
    await at.shop.later(hours=25)
    with patch.object(type(at.clock._providers[at.name]), "create_payment", side_effect=AssertionError):
        await at.shop.it.turn("create")
    assert "payment_needs_a_person" in "".join(capfd.readouterr())
    assert len(await at.charges()) == 2
    assert (await at.shop.account(first), await at.shop.account(second)) == ((40000, 0, 0), (0, 0, 0))
    # The customer can pay otherwise meanwhile, and what comes late counts.
    (row,) = await at.shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=second)
    assert (await at.shop.post(ANNA, f"/invoices/{row['number']}/pay", {"way": "bank_card"})).status_code == 202


@pytest.mark.feature("X3")
@pytest.mark.feature("X6")
@pytest.mark.parametrize("where", WHERE)
async def test_closing_a_prepayment(at: Till, where: str) -> None:
    if at.name == "stripe":
        # Makes no receipts, so there is nobody to be paid there who must give them.
        refused = await at.shop.post(FINANCE, "/legal-entities", {"name": "x", "receipts": RECEIPTS})
        assert refused.status_code == 422
        return
    await at.shop.seller(receipts=RECEIPTS)
    order_id = await paid(at)
    await at.shop.it.handle(at.shop.moved(order_id, "done"))
    await turned(at, "close_receipt", where)
    assert len((await at.shop.provider.of_order(order_id))[0]["receipts"]) == 1
    assert [row["status"] for row in await at.shop.rows("SELECT status FROM closing_receipts")] == ["sent"]
