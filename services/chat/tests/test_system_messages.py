"""What happens to an order is told in its chat, whatever order the events come in."""

import itertools

import pytest
from chat.service import SERVICE
from chat.tables import conversations, messages
from chat.texts import Texts
from foyer_chassis.testing import Databases, Identity, Running, running, same_shape
from foyer_contracts.samples import NOW, ORDER, SAMPLES, TOTAL

from .conftest import CANCELLED, PAID, PLACED, STATUS, applicant, conversation_id, manager, read, sample

EVENTS = [PLACED, PAID, STATUS, CANCELLED]


@pytest.mark.feature("A23")
async def test_payment_through_the_gateway_leaves_a_message_with_its_time(chat: Running) -> None:
    await chat.handle(sample(PLACED), sample(PAID))
    customer = applicant(chat)
    (message,) = await read(customer, await conversation_id(customer))
    assert message["text"] == "Поступила оплата через платёжный шлюз"
    assert message["created_at"] == SAMPLES[PAID].data.paid_at.isoformat().replace("+00:00", "Z")
    assert message["author"] == {"kind": "system", "id": None, "name": None}
    (for_staff,) = await read(manager(chat, locale="en"), await conversation_id(customer))
    assert for_staff["text"] == "A payment through the payment gateway was received"


@pytest.mark.feature("A23")
@pytest.mark.parametrize("order", list(itertools.permutations(EVENTS)), ids="-".join)
async def test_every_sample_twice_in_every_order(
    databases: Databases, identity: Identity, order: tuple[str, ...]
) -> None:
    async with running(SERVICE, databases, identity) as chat:
        chat.at(NOW)
        for type_ in order:
            await chat.handle_twice(sample(type_))
        customer = applicant(chat)
        conversation = (await customer.get(f"/v1/orders/{ORDER}/conversation")).json()
        assert conversation["number"] == SAMPLES[PLACED].data.number
        found = await read(customer, conversation["id"])
        assert [message["position"] for message in found] == [1, 2, 3]
        assert sorted(message["template"] for message in found) == [
            "order_cancelled",
            "payment_received",
            "status_changed",
        ]
        (opened,) = await chat.published("chat.conversation.opened.v1")
        same_shape(opened, SAMPLES["chat.conversation.opened.v1"])
        posted = await chat.published("chat.message.posted.v1")
        assert len(posted) == 3
        for event in posted:
            same_shape(event, SAMPLES["chat.message.posted.v1"])
        versions = [event.sequence for event in await chat.published()]
        assert versions == sorted(set(versions)), "a subscriber tells old from new by the sequence"


async def test_all_in_one_batch_with_repeats(chat: Running) -> None:
    events = [sample(type_) for type_ in EVENTS]
    assert await chat.handle(*events, *events) == 4
    async with chat.database.read() as reading:
        assert len(await reading.all(conversations.select())) == 1
        assert len(await reading.all(messages.select())) == 3


async def test_cancelling_is_told_once_with_reason_and_refund(chat: Running) -> None:
    await chat.handle(
        sample(PLACED),
        sample(STATUS, sequence=4, to_status="cancelled_refunding", group="cancelled", reason="customer_request"),
        sample(CANCELLED, sequence=4),
        sample(STATUS, sequence=5, to_status="cancelled_refunded", group="cancelled"),
    )
    customer = applicant(chat)
    told = [message["text"] for message in await read(customer, await conversation_id(customer))]
    assert told == ["Заказ отменён заказчиком. К возврату 400\u00a0₽.", "Деньги возвращены"]


@pytest.mark.parametrize(
    ("reason", "russian", "english"),
    [
        (
            "hold_expired",
            "Заказ отменён: он не был оплачен вовремя.",
            "The order was cancelled: it was not paid in time.",
        ),
        (
            "places_taken",
            "Заказ отменён: выбранное время уже занято.",
            "The order was cancelled: the chosen time is already taken.",
        ),
        ("a_reason_of_tomorrow", "Заказ отменён.", "The order was cancelled."),
    ],
)
def test_reasons_in_words(reason: str, russian: str, english: str) -> None:
    texts = Texts()
    assert texts.render("order_cancelled", {"reason": reason}, "ru") == russian
    assert texts.render("order_cancelled", {"reason": reason}, "en") == english
    refund = {"reason": reason, "refund": TOTAL.model_dump()}
    assert texts.render("order_cancelled", refund, "en") == f"{english} To be refunded: RUB\u00a0400."


@pytest.mark.parametrize("locale", ["ru", "en"])
def test_status_without_words_of_its_own_has_a_text(locale: str) -> None:
    known = Texts().render("status_changed", {"status": "confirmed"}, locale)
    unknown = Texts().render("status_changed", {"status": "brand_new"}, locale)
    assert known
    assert unknown
    assert known != unknown
