"""What happens to an order is told in its chat, whatever order the events come in."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from chat.consumers import SUBSCRIPTIONS
from chat.service import SERVICE
from chat.tables import conversations, messages
from chat.texts import Texts
from foyer_chassis.testing import Databases, Identity, Running, running, same_shape
from foyer_contracts.booking import MovedOccurrence
from foyer_contracts.orders import Actor, StatusTitle
from foyer_contracts.samples import APPLICANT, LOCATION, MANAGER, NOW, ORDER, REQUEST, SAMPLES, TOTAL

from .conftest import (
    CANCELLED,
    PAID,
    PLACED,
    STATUS,
    applicant,
    conversation_id,
    manager,
    read,
    request_placed,
    sample,
    without_count,
)

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
            assert event.data.count is not None
            same_shape(without_count(event), SAMPLES["chat.message.posted.v1"])
        assert sorted(event.data.count for event in posted) == [1, 2, 3]
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


@pytest.mark.feature("A15")
async def test_moved_booking_is_told_with_its_new_time(chat: Running) -> None:
    await chat.handle_twice(sample(PLACED), sample("booking.reservation.rescheduled.v1"))
    customer = applicant(chat)
    id_ = await conversation_id(customer)
    (message,) = await read(customer, id_)
    assert message["text"] == (
        "Бронирование перенесено: Переговорная «Нева», Фойе на Литейном, "
        "2 декабря 2026\u00a0г., 16:00–18:00 (UTC+3). Прежнее время: 2 декабря 2026\u00a0г., 13:00–15:00 (UTC+3)."
    )
    (message,) = await read(applicant(chat, locale="en"), id_)
    assert message["text"] == (
        "The booking was moved: Переговорная «Нева», Фойе на Литейном, 2 December 2026, 16:00–18:00 (UTC+3). "
        "Before: 2 December 2026, 13:00–15:00 (UTC+3)."
    )


@pytest.mark.feature("X5")
async def test_moved_times_of_a_booking_that_recurs_are_told_each(chat: Running) -> None:
    first = datetime(2026, 12, 9, 10, tzinfo=UTC)
    moved = [
        MovedOccurrence(
            previous_starts_at=first + timedelta(days=7 * n),
            previous_ends_at=first + timedelta(days=7 * n, hours=1),
            starts_at=first + timedelta(days=7 * n + 1),
            ends_at=first + timedelta(days=7 * n + 1, hours=1),
            resource_name="Нева",
            location_name="Фойе",
            time_zone="Europe/Moscow",
        )
        for n in range(5)
    ]
    await chat.handle_twice(sample(PLACED), sample("booking.reservation.rescheduled.v1", moved=moved[:1]))
    customer = applicant(chat)
    (message,) = await read(customer, await conversation_id(customer))
    assert message["text"] == (
        "Бронирование перенесено: Нева, Фойе, 10 декабря 2026\u00a0г., 13:00–14:00 (UTC+3)."
        " Прежнее время: 9 декабря 2026\u00a0г., 13:00–14:00 (UTC+3)."
    )
    facts = {"moved": [each.model_dump(mode="json") for each in moved]}
    text = Texts().render("reservation_rescheduled", facts, "en")
    assert text.count("December") == 6
    assert "; +2. Before:" in text


@pytest.mark.feature("A9")
async def test_returning_to_work_is_told_once_with_its_note(chat: Running) -> None:
    back = {"order_id": REQUEST, "from_status": "awaiting_confirmation", "to_status": "in_progress"}
    await chat.handle(
        request_placed(),
        sample(STATUS, sequence=5, **back, actor=Actor(kind="customer", id=APPLICANT)),
        sample("orders.order.returned.v1", sequence=5),
        sample(STATUS, sequence=7, **back, actor=Actor(kind="staff", id=MANAGER)),
    )
    customer = applicant(chat)
    told = [message["text"] for message in await read(customer, await conversation_id(customer, REQUEST))]
    assert told == ["Заказ возвращён в работу: Кран всё ещё течёт", "Заказ взят в работу"]


@pytest.mark.feature("C1")
async def test_status_of_the_business_goes_by_its_own_name(chat: Running) -> None:
    title = StatusTitle(ru="Ждём запчасти", en="Waiting for parts")
    await chat.handle(
        sample(PLACED),
        sample(STATUS, sequence=4, to_status="in_progress", label="waiting_parts", title=title),
        sample(STATUS, sequence=5, from_status="new", to_status="in_progress", title=title),
    )
    customer = applicant(chat, locale="en")
    told = [message["text"] for message in await read(customer, await conversation_id(customer))]
    assert told == ["The order's status: Waiting for parts", "Work on the order has begun"]


@pytest.mark.feature("A28")
async def test_changed_goods_are_told_with_what_they_cost(chat: Running) -> None:
    changed = "orders.order.changed.v1"
    await chat.handle(
        request_placed(),
        sample(changed, order_id=REQUEST),
        sample(changed, order_id=REQUEST, changed=["comment"]),
    )
    customer = applicant(chat)
    told = [message["text"] for message in await read(customer, await conversation_id(customer, REQUEST))]
    assert told == ["Состав заказа изменён. Стоимость теперь 200\u00a0₽. К возврату 200\u00a0₽."]


@pytest.mark.feature("A6")
@pytest.mark.parametrize(("location", "clock"), [(LOCATION, "12:30 (UTC+3)"), (None, "09:30 (UTC)")])
async def test_deadlines_are_told_inside_by_the_clock_of_the_place(chat: Running, location: object, clock: str) -> None:
    await chat.handle(
        sample("booking.location.changed.v1"),
        request_placed(location_id=location),
        sample("orders.order.deadline_changed.v1", respond_by=None),
    )
    staff = chat.client("rita", "service_manager", sub=str(MANAGER))
    (message,) = await read(staff, await conversation_id(staff, REQUEST), "internal")
    assert message["text"] == f"Сроки заказа изменены. Выполнение до 3 декабря 2026\u00a0г., {clock}."


@pytest.mark.parametrize("type_", [item.data.type for item in SUBSCRIPTIONS])
@pytest.mark.parametrize("placed_first", [True, False])
async def test_every_sample_it_subscribes_to_has_words_in_both_languages(
    chat: Running, type_: str, placed_first: bool
) -> None:
    event = sample(type_)
    order_id = getattr(event.data, "order_id", ORDER)
    placed = request_placed(order_id=order_id)
    for each in [placed, event] if placed_first else [event, placed]:
        await chat.handle_twice(each)
    for locale in ("ru", "en"):
        staff = chat.client("rita", "administrator", sub=str(MANAGER), locale=locale)
        id_ = await conversation_id(staff, order_id)
        for thread in ("public", "internal"):
            for message in await read(staff, id_, thread):
                assert message["text"]
                assert "{" not in message["text"]
