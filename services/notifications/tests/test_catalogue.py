"""Every event of the catalogue through the real channels, in both languages, against a table written by hand; and what
must not get through."""

import json
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Running
from foyer_contracts.catalogue import BY_TYPE
from foyer_contracts.envelope import Event
from foyer_contracts.orders import Actor
from foyer_contracts.samples import APPLICANT, MANAGER, NOW, SAMPLES, TECHNICIAN

from .conftest import Outside, contact
from .test_telegram import link

E, P, T, S, F = "email", "push", "telegram", "sms", "feed"
ANNA, RITA, TECH, FINANCE = "anna", "rita", "tech", "finance"
CHATS = {ANNA: 101, RITA: 102, TECH: 103}
NUMBERS = {ANNA: "+79000000101", RITA: "+79000000102", TECH: "+79000000103"}
PEOPLE = {ANNA: APPLICANT, RITA: MANAGER, TECH: TECHNICIAN}
PLACED = "orders.order.placed.v1"
#: Told to nobody: copies, and what others act on.
SILENT = [
    "orders.order.priced.v1", "orders.order.deadline_changed.v1", "orders.order.rated.v1", "orders.draft.discarded.v1",
    "orders.offering.changed.v1", "orders.customer.changed.v1", "orders.contact.changed.v1",
    "booking.resource.changed.v1", "booking.location.changed.v1", "booking.places.held.v1",
    "booking.places.unavailable.v1", "booking.hold.expired.v1", "booking.reservation.confirmed.v1",
    "booking.reservation.started.v1", "booking.reservation.ended.v1", "booking.reservation.released.v1",
    "booking.reservation.no_show.v1", "payments.invoice.issued.v1", "payments.invoice.paid.v1",
    "payments.invoice.cancelled.v1", "payments.payment.succeeded.v1", "payments.payment.failed.v1",
    "payments.payment.cancelled.v1", "payments.refund.started.v1", "payments.account.debited.v1",
    "payments.settlement.posted.v1", "chat.conversation.opened.v1", "chat.conversation.read.v1",
    "chat.dialog.opened.v1", "chat.dialog.converted.v1", "notifications.delivery.sent.v1",
    "notifications.delivery.failed.v1", "booking.ticket.changed.v1", "booking.stay.changed.v1",
    "booking.pass.activated.v1", "booking.offer.expired.v1", "booking.offer.taken.v1",
    "booking.occurrences.cancelled.v1",
]  # fmt: skip
#: (event, what is other than in the sample, who → by what, title in Russian, in English)
TABLE: list[tuple[str, dict[str, Any], dict[str, str], str, str]] = [
    (PLACED, {}, {RITA: "EPTF"}, "Новый заказ № 1006313", "New order 1006313"),
    ("orders.order.status_changed.v1", {}, {ANNA: "EPTF"}, "Заказ № 1006313 подтверждён", "Order 1006313 is confirmed"),
    (
        "orders.order.cancelled.v1", {}, {ANNA: "EPTF"},
        "Заказ № 1006313 отменён, деньги возвращаются", "Order 1006313 is cancelled, your money is on its way back",
    ),
    ("orders.order.assigned.v1", {}, {TECH: "EPTF"}, "Вам назначен заказ № 1006314", "Order 1006314 is assigned to you"),
    (
        "orders.order.overdue.v1", {}, {TECH: "EPTF"},
        "Заказ № 1006314 вовремя не взят в работу", "Order 1006314 has not been taken up in time",
    ),
    (
        "orders.order.returned.v1", {}, {TECH: "EPTF"},
        "Заказ № 1006314 возвращён в работу", "Order 1006314 was returned to work",
    ),
    ("orders.order.completed.v1", {}, {ANNA: "PTF"}, "Как всё прошло?", "How did we do?"),
    ("orders.order.changed.v1", {}, {ANNA: "PTF"}, "Заказ № 1006315 изменён", "Order 1006315 was changed"),
    ("orders.draft.created.v1", {}, {ANNA: "EPTF"}, "Для вас подготовлен заказ", "Your order is prepared"),
    (
        "booking.reservation.rescheduled.v1", {}, {ANNA: "EPTSF"},
        "Ваше бронирование перенесено", "Your booking was moved",
    ),
    ("booking.ticket.issued.v1", {}, {ANNA: "EF"}, "Ваш билет готов", "Your ticket is ready"),
    ("booking.pass.issued.v1", {}, {ANNA: "PTF"}, "Абонемент оформлен", "Your membership was issued"),
    (
        "booking.pass.code_issued.v1", {}, {ANNA: "E"},
        "Ваш абонемент и код активации", "Your membership and its activation code",
    ),
    ("booking.pass.attached.v1", {}, {ANNA: "EPTF"}, "Абонемент активен", "Your membership is active"),
    ("booking.pass.withdrawn.v1", {}, {ANNA: "EPTF"}, "Абонемент отозван", "Your membership was withdrawn"),
    (
        "booking.class.booked.v1", {"visitor_id": APPLICANT}, {ANNA: "EPTF"},
        "Вы записаны на занятие", "You are booked for a class",
    ),
    (
        "booking.class.cancelled.v1", {"visitor_id": APPLICANT}, {ANNA: "EPTF"},
        "Запись на занятие отменена", "Your place in a class was cancelled",
    ),
    ("booking.class.changed.v1", {}, {ANNA: "EPTF"}, "Занятие перенесено", "Your class was moved"),
    (
        "booking.offer.made.v1", {"expires_at": NOW + timedelta(hours=2)}, {ANNA: "EPTF"},
        "Освободилось время, которого вы ждали", "The time you waited for is free",
    ),
    ("payments.payment.link_created.v1", {}, {ANNA: "EPTF"}, "Ваш заказ ждёт оплаты", "Your order is waiting for payment"),
    ("payments.invoice.activated.v1", {}, {ANNA: "EPTF"}, "Счёт по вашему заказу", "An invoice for your order"),
    ("payments.refund.succeeded.v1", {}, {ANNA: "EPTF"}, "Деньги возвращены", "Your money was refunded"),
    ("payments.refund.failed.v1", {}, {FINANCE: "F"}, "Возврат не прошёл", "A refund failed"),
    ("payments.refund.requested.v1", {}, {FINANCE: "F"}, "Запрошен возврат", "A refund is asked for"),
    ("payments.refund.rejected.v1", {}, {ANNA: "EPTF"}, "В возврате отказано", "Your refund request was rejected"),
    ("payments.account.insufficient.v1", {}, {ANNA: "EPTF"}, "Ваш заказ ждёт пополнения баланса", "Your order waits for funds"),
    ("payments.account.topped_up.v1", {}, {ANNA: "EPTF"}, "Баланс пополнен", "Your account was topped up"),
    (
        "chat.message.posted.v1", {"author_kind": "staff", "author_id": MANAGER}, {ANNA: "PTF"},
        "Ваш заказ: новое сообщение", "Your order: a new message",
    ),
    ("chat.dialog.posted.v1", {}, {RITA: "PTF"}, "Вопрос от клиента", "A customer has a question"),
]  # fmt: skip


def fresh(type_: str, **data: Any) -> Event[Any]:
    """The sample about an order and an offer of its own, so that events do not outdate each other."""
    sample = SAMPLES[type_]
    known = type(sample.data).model_fields
    own = {name: uuid4() for name in ("order_id", "conversation_id", "offer_id") if name in known}
    return Event.make(
        sample.data.model_copy(update={**own, **data}), subject=UUID(sample.subject), sequence=7, time=sample.time
    )


def test_the_table_knows_every_event() -> None:
    assert sorted([*SILENT, *(line[0] for line in TABLE)]) == sorted(BY_TYPE)


async def everybody_is_known(it: Running, locale: str) -> None:
    for name, person in PEOPLE.items():
        await it.handle(contact(person, locale=locale, email=f"{name}@example.test", phone=NUMBERS[name]))
        client = it.client(name, sub=str(person))
        assert (await client.put(f"/v1/devices/device-of-{name}")).status_code == 204
        await link(it, client, chat=CHATS[name])


@pytest.mark.parametrize("locale", ["ru", "en"])
async def test_who_gets_what_by_which_channel_in_which_words(
    notifications: Running, outside: Outside, locale: Literal["ru", "en"]
) -> None:
    await everybody_is_known(notifications, locale)
    expected = []
    for type_, changes, who, russian, english in TABLE:
        event = fresh(type_, **changes)
        if type_ == "booking.reservation.rescheduled.v1":
            # Whose order it is only its `placed` says; nobody but a role's feed hears of that.
            whose = fresh("orders.order.priced.v1", order_id=event.data.order_id)
            await notifications.handle(whose)
        await notifications.handle_twice(event)
        for name, channels in who.items():
            for letter, channel in (("E", E), ("P", P), ("T", T), ("S", S), ("F", F)):
                if letter in channels:
                    title = {"ru": russian, "en": english}[locale]
                    expected.append((name, channel, title))
    subscribed = {item.data.type for item in notifications.subscriptions}
    silent = [fresh(type_) for type_ in SILENT if type_ in subscribed and type_ != "orders.contact.changed.v1"]
    await notifications.handle(*[event for event in silent if event.type != "orders.customer.changed.v1"])
    for seconds in (0, 30, 61):
        notifications.at(notifications.database.now() + timedelta(seconds=seconds))
        await notifications.turn("dispatch")

    got = [(mail["to"][0].partition("@")[0], E, mail["subject"]) for mail in await outside.mails()]
    got += [
        (push["token"].removeprefix("device-of-"), P, push["notification"]["title"]) for push in await outside.pushes()
    ]
    got += [
        (name_of(CHATS, said["chat_id"]), T, said["text"].splitlines()[0])
        for said in await outside.shown("telegram/messages")
    ]
    got += [(name_of(NUMBERS, sms["phone"]), S, sms["text"].splitlines()[0]) for sms in await outside.shown("sms")]
    for name, person in PEOPLE.items():
        got += [(name, F, item["title"]) for item in await feed_of(notifications, name, locale, sub=str(person))]
    got += [(FINANCE, F, item["title"]) for item in await feed_of(notifications, FINANCE, locale, "finance")]
    # A booking that was moved knows its number from the price.
    moved = {"ru": "Заказ № 1006313: бронирование перенесено", "en": "Order 1006313: the booking was moved"}[locale]
    plain = {"ru": "Ваше бронирование перенесено", "en": "Your booking was moved"}[locale]
    assert sorted((who, by, plain if title == moved else title) for who, by, title in got) == sorted(expected)
    assert {push["data"]["template"] for push in await outside.pushes()}


def name_of(of_people: dict[str, Any], found: Any) -> str:
    return next(name for name, value in of_people.items() if value == found)


async def feed_of(it: Running, name: str, locale: str, *roles: str, **claims: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (
        await it.client(name, *roles, locale=locale, **claims).get("/v1/feed", params={"limit": 100})
    ).json()["items"]
    return items


INSIDE = "ВНУТРИ-7f3a"
PHONE, MAIL = "+79007777777", "secret-anna@example.test"


@pytest.mark.feature("A24")
@pytest.mark.feature("B8")
@pytest.mark.feature("B10")
async def test_nothing_internal_reaches_the_applicant_nor_their_contact_anybody_else(
    notifications: Running, outside: Outside
) -> None:
    """Internal words stand wherever an event can carry them; the applicant's contact in the one private event."""
    await everybody_is_known(notifications, "ru")
    await notifications.handle(contact(APPLICANT, sequence=5, phone=PHONE, email=MAIL))
    staff = Actor(kind="staff", id=MANAGER)
    order: dict[str, Any] = {"order_id": uuid4(), "responsible_ids": [MANAGER, TECHNICIAN]}
    await notifications.handle(
        fresh(PLACED, **order, kind="request", assignee_id=TECHNICIAN),
        *(
            fresh("orders.order.status_changed.v1", **order, to_status=to, group=group, note=INSIDE, actor=staff)
            for to, group in (("in_progress", "in_work"), ("awaiting_confirmation", "in_work"), ("done", "done"))
        ),
        fresh(
            "chat.message.posted.v1",
            order_id=order["order_id"],
            thread="internal",
            author_kind="staff",
            author_id=MANAGER,
            count=1,
        ),
        fresh("orders.order.assigned.v1", **order, assignee_id=TECHNICIAN),
        fresh("payments.refund.requested.v1", order_id=order["order_id"]),
        *(fresh(line[0], **line[1]) for line in TABLE),
    )
    for seconds in (0, 30, 61):
        notifications.at(notifications.database.now() + timedelta(seconds=seconds))
        await notifications.turn("dispatch")

    anna = notifications.client("anna", sub=str(APPLICANT))
    to_anna = [mail for mail in await outside.mails() if mail["to"] == [MAIL]]
    pushes = await outside.pushes()
    pushed = [push for push in pushes if push["token"] == "device-of-anna"]
    assert to_anna
    assert pushed
    paths = ("/v1/feed?limit=100", "/v1/deliveries?limit=200", "/v1/preferences")
    answers = [(await anna.get(path)).text for path in paths]
    chats = await outside.shown("telegram/messages")
    to_chat = [said for said in chats if said["chat_id"] == CHATS[ANNA]]
    sms = await outside.shown("sms")
    assert to_chat
    assert {message["phone"] for message in sms} <= {PHONE}
    seen = json.dumps([to_anna, pushed, to_chat, sms], ensure_ascii=False) + "".join(answers)
    for word in (INSIDE, 'message_inside"', "сообщение от коллеги"):
        assert word not in seen, word

    others = [mail for mail in await outside.mails() if mail["to"] != [MAIL]]
    elsewhere = [[push for push in pushes if push not in pushed], [said for said in chats if said not in to_chat]]
    texts = [json.dumps([others, elsewhere], ensure_ascii=False)]
    for name, roles in (
        (RITA, ["service_manager"]),
        (TECH, ["contractor"]),
        (FINANCE, ["finance"]),
        ("alex", ["administrator"]),
    ):
        claims = {"sub": str(PEOPLE[name])} if name in PEOPLE else {}
        client = notifications.client(name, *roles, **claims)
        texts += [(await client.get(path)).text for path in paths[:2]]
    texts += [event.to_json().decode() for event in await notifications.published()]
    for text in texts:
        assert PHONE not in text
        assert MAIL not in text


@pytest.mark.feature("D3")
@pytest.mark.parametrize("contact_first", [True, False])
async def test_code_of_a_membership_goes_to_its_buyers_mailbox_only(
    notifications: Running, outside: Outside, contact_first: bool
) -> None:
    """A guest of the storefront has no account: the address comes by the private event, before or after the code."""
    guest, code = uuid4(), SAMPLES["booking.pass.code_issued.v1"].data.code
    events = [contact(guest, email="guest@example.test"), fresh("booking.pass.code_issued.v1", buyer_id=guest)]
    for event in events if contact_first else reversed(events):
        await notifications.handle_twice(event)
        await notifications.turn("dispatch")
    (mail,) = await outside.mails()
    assert mail["to"] == ["guest@example.test"]
    number = SAMPLES["booking.pass.code_issued.v1"].data.number
    for part in (mail["text"], mail["html"]):
        assert code in part
        assert str(number) in part
    texts = [
        (await notifications.client("alex", "administrator").get(path)).text for path in ("/v1/feed", "/v1/deliveries")
    ]
    texts += [(await notifications.client("guest", sub=str(guest)).get("/v1/feed")).text]
    texts += [event.to_json().decode() for event in await notifications.published()]
    assert all(code not in text for text in texts)
