"""A refund that had succeeded, whose money the payer's bank sent back: owed again, in any order of arrival."""

from dataclasses import replace
from itertools import permutations
from uuid import uuid4

import pytest
from foyer_contracts.money import Money
from orders.catalogue.domain import Kind
from orders.ordering.domain import settling
from orders.ordering.domain.machine import Status
from orders.ordering.domain.order import Refund

from .conftest import NOW, PRICE, Heard, Shop
from .test_lifecycle import cancellations
from .test_machines import order_in


@pytest.mark.feature("A27")
@pytest.mark.feature("B24")
async def test_money_that_the_bank_sends_back_is_owed_again(shop: Shop) -> None:
    order = await shop.place()
    heard, other = Heard(order), Heard(order)
    part, rest = (Money(amount=amount, currency="RUB") for amount in (10000, 30000))
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    await shop.cancel(order)
    await shop.orders.handle(other.refunded(part), heard.refunded(rest))
    assert (await shop.card(order))["status"] == "cancelled_refunded"
    await shop.orders.handle_twice(heard.refund_failed(rest, sequence=8, after_success=True))
    card = await shop.card(order)
    assert (card["status"], card["money"]["status"]) == ("cancelled_refunding", "refund_failed")
    assert (card["money"]["refunded"]["amount"], card["money"]["refund_due"]["amount"]) == (10000, 40000)
    assert {item["state"] for item in card["money"]["refunds"]} == {"succeeded", "bounced"}
    assert len(cancellations(await shop.orders.published())) == 1, "payments is not told to give it back once more"
    again = await shop.cancel(order)
    assert (again.status_code, again.json()["state"]["status"]) == (409, "cancelled_refunding")
    await shop.orders.handle_twice(heard.refund_started(rest, sequence=10))
    assert (await shop.card(order))["money"]["status"] == "refunding"
    await shop.orders.handle_twice(heard.refunded(rest, sequence=11))
    card = await shop.card(order)
    assert (card["status"], card["money"]["status"]) == ("cancelled_refunded", "refunded")
    assert card["money"]["refunded"]["amount"] == 40000


@pytest.mark.feature("A27")
async def test_a_refund_that_bounced_ends_alike_whatever_comes_first(shop: Shop) -> None:
    for permutation in permutations(range(4)):
        order = await shop.place()
        heard = Heard(order)
        await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
        await shop.cancel(order)
        said = [
            heard.refund_started(sequence=2),
            heard.refunded(sequence=3),
            heard.refund_failed(sequence=5, after_success=True),
            heard.refund_started(sequence=7),
        ]
        for position in permutation:
            await shop.orders.handle_twice(said[position])
        card = await shop.card(order)
        assert (card["status"], card["money"]["status"]) == ("cancelled_refunding", "refunding"), permutation
        assert (card["money"]["refunded"]["amount"], card["money"]["refund_due"]["amount"]) == (0, 40000)
        await shop.orders.handle(heard.refunded(sequence=8))
        assert (await shop.card(order))["status"] == "cancelled_refunded"


@pytest.mark.feature("B24")
def test_an_order_in_work_is_not_done_while_a_bounced_refund_is_owed() -> None:
    """Whether or not its success was heard of first."""
    order = order_in(Kind.REQUEST, Status.IN_PROGRESS, terms="postpaid", total=PRICE, paid=PRICE.amount)
    done = Refund(4000, "succeeded", NOW, sequence=3)
    bounced = Refund(4000, "bounced", NOW, sequence=5)
    id_ = uuid4()
    told = settling.refund_heard(order, NOW, id_, done).order
    assert not told.is_refund_under_way
    for before in (told, order):
        after = settling.refund_heard(before, NOW, id_, bounced).order
        assert (after.status, after.refunded, after.refund_due) == (Status.IN_PROGRESS, 0, 4000)
        assert (after.money_status, after.is_refund_under_way) == ("refund_failed", True)
        assert settling.refund_heard(after, NOW, id_, done).order == after, "late"
        again = settling.refund_heard(after, NOW, id_, replace(done, sequence=9)).order
        assert (again.refunded, again.refund_due, again.is_refund_under_way) == (4000, 4000, False)
