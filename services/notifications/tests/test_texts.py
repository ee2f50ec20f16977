"""The texts themselves, in both languages, against committed snapshots.

To accept changed texts: `FOYER_WRITE_SNAPSHOTS=1 pytest services/notifications/tests/test_texts.py`, then read the diff.
"""

import math
import os
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from notifications.channels import sms, telegram
from notifications.channels.email import SmtpMail
from notifications.telling.domain.rules import RULES, Channel
from notifications.texts import formats
from notifications.texts.domain import TEMPLATES
from notifications.texts.renderer import Renderer
from notifications.texts.samples import ALL_FACTS, FACTS

SNAPSHOTS = Path(__file__).parent / "snapshots"
TITLE = {"ru": "Ждём запчасти", "en": "Waiting for parts"}
REASONS = [
    "hold_expired", "places_taken", "outside_opening_hours", "not_on_slot_grid", "in_the_past", "unknown_resource",
    "customer_request", "staff_decision", "another",
]  # fmt: skip
VARIANTS: list[tuple[str, str, dict[str, Any]]] = [
    *((name, name, {}) for name in ("order_placed", "payment_link", "order_confirmed", "order_started", "order_done")),
    *(
        (f"order_status-{status}", "order_status", {"status": status})
        for status in ("in_progress", "collecting", "another")
    ),
    ("order_status-unknown with a title", "order_status", {"status": "on_the_moon", "title": TITLE}),
    ("order_status-with a label", "order_status", {"status": "in_progress", "label": "parts", "title": TITLE}),
    ("order_status-without a label", "order_status", {"status": "in_progress", "title": TITLE}),
    *(
        (name, name, {})
        for name in (
            "order_placed_for_you",
            "order_assigned",
            "order_to_confirm",
            "order_ready",
            "order_overdue_response",
            "order_overdue_completion",
            "order_to_rate",
            "order_changed",
            "booking_moved",
            "draft_ready",
            "invoice_to_pay",
            "refund_requested",
            "account_topped_up",
            "account_insufficient",
            "dialog_from_customer",
            "dialog_from_staff",
            "message_from_customer",
            "message_from_staff",
            "message_inside",
            "remind_start",
            "remind_hold",
            "remind_invoice",
            "remind_rating",
        )
    ),
    *(
        (
            name,
            name,
            {
                "ticket": 77,
                "pass_number": 5001,
                "valid_until": "2027-12-01T21:00:00Z",
                "starts_at": "2026-12-05T15:00:00Z",
            },
        )
        for name in (
            "ticket_issued",
            "pass_issued",
            "pass_attached",
            "pass_withdrawn",
            "class_booked",
            "class_cancelled",
        )
    ),
    ("pass_code", "pass_code", {"pass_number": 5001, "code": "K7QF-2MXD"}),
    ("offer_made", "offer_made", {}),
    *(
        (
            f"class_called_off, visit {back}",
            "class_called_off",
            {"starts_at": "2026-12-05T15:00:00Z", "visit_returned": back},
        )
        for back in (True, False)
    ),
    ("class_moved", "class_moved", {"trainer": "Ольга"}),
    ("class_changed", "class_changed", {"trainer": "Ольга"}),
    ("webhook_disabled", "webhook_disabled", {"webhook": "https://erp.example.test/in", "reason": "failing"}),
    ("webhook_disabled-gone", "webhook_disabled", {"webhook": "https://erp.example.test/in", "reason": "gone"}),
    ("order_returned", "order_returned", {"note": "Кран всё ещё течёт"}),
    ("refund_rejected", "refund_rejected", {"note": "Услуга оказана полностью"}),
    (
        "order_cancelled, with a comment",
        "order_cancelled",
        {"reason": "staff_decision", "cancel_note": "Мастер заболел"},
    ),
    *((f"order_cancelled-{reason}", "order_cancelled", {"reason": reason}) for reason in REASONS),
    *(
        (f"order_cancelled_refunding-{reason}", "order_cancelled_refunding", {"reason": reason})
        for reason in ("customer_request", "places_taken", "in_the_past")
    ),
    ("refund_succeeded", "refund_succeeded", {}),
    ("refund_failed", "refund_failed", {"reason": "insufficient_funds", "attempts": 8}),
]


def compared(name: str, text: str) -> None:
    path = SNAPSHOTS / name
    if os.environ.get("FOYER_WRITE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.feature("B14")
@pytest.mark.feature("C1")
@pytest.mark.parametrize("locale", ["ru", "en"])
def test_texts(locale: Any) -> None:
    """Every text with all facts, and with none of the order's."""
    renderer = Renderer()
    lines = []
    for title, template, more in VARIANTS:
        for facts in ({**FACTS, **more}, more):
            message = renderer.render(template, facts, locale)
            button = f"\n[{message.button.label}] {message.button.url}" if message.button else ""
            lines.append(
                f"## {title}{'' if 'number' in facts else ', little known'}\n{message.title}\n\n{message.short}{button}\n"
            )
    compared(f"texts.{locale}.md", "\n".join(lines))


def test_every_template_is_seen() -> None:
    assert {template for _, template, _ in VARIANTS} == set(TEMPLATES)


@pytest.mark.feature("X7")
@pytest.mark.parametrize("locale", ["ru", "en"])
def test_text_messages_and_the_bots(locale: Any) -> None:
    """As they go out, of every line of the table that sends them there; with the parts that a text message has."""
    renderer = Renderer()
    lines = []
    for rule in RULES:
        message = renderer.render(rule.template, ALL_FACTS, locale)
        if Channel.SMS in rule.channels:
            text = sms.text_of(message, 3)
            parts = 1 if len(text) <= sms.ALONE else math.ceil(len(text) / sms.OF_SEVERAL)
            lines.append(f"## {rule.template}, sms, parts: {parts}\n{text}\n")
        if Channel.TELEGRAM in rule.channels:
            body = telegram.body_of(message, chat_id=7)
            assert body["entities"] == [{"type": "bold", "offset": 0, "length": len(message.title)}]
            buttons = [f"[{each['text']}] {each['url']}" for row in _keyboard(body) for each in row]
            lines.append("\n".join([f"## {rule.template}, telegram", body["text"], *buttons, ""]))
    compared(f"short.{locale}.md", "\n".join(lines))


def _keyboard(body: dict[str, Any]) -> list[list[dict[str, str]]]:
    found: list[list[dict[str, str]]] = body.get("reply_markup", {}).get("inline_keyboard", [])
    return found


@pytest.mark.parametrize("locale", ["ru", "en"])
def test_mail(locale: Any) -> None:
    """One mail with everything in it."""
    mail = SmtpMail(
        host="x",
        port=25,
        username="",
        password="",
        security="tls",
        mail_from="Фойе <no-reply@foyer.test>",
        timeout_seconds=1,
    )
    message = Renderer().render("payment_link", FACTS, locale, name="Анна Иванова")
    composed = mail.compose(message, mailbox="anna@example.test", delivery_id=UUID(int=7))
    text, html = composed.iter_parts()
    compared(f"mail.{locale}.txt", text.get_content().replace("\r\n", "\n"))
    compared(f"mail.{locale}.html", html.get_content().replace("\r\n", "\n"))
    assert str(composed["To"]) == "Анна Иванова <anna@example.test>"
    assert str(composed["From"]) == "Фойе <no-reply@foyer.test>"
    assert composed["Message-ID"] == f"<{UUID(int=7)}@foyer.test>"
    assert composed["Auto-Submitted"] == "auto-generated"
    assert b"\n.\r\n" not in composed.as_bytes()


@pytest.mark.parametrize("length", range(1, 120, 7))
def test_no_space_of_a_header_is_lost(length: int) -> None:
    """Python's own folding joins words across lines of encoded text."""
    smtp = SmtpMail(
        host="x", port=25, username="", password="", security="tls", mail_from="a@foyer.test", timeout_seconds=1
    )
    title = "Заказ № 1006314 вовремя не взят в работу " + "и ещё " * 10
    message = replace(
        Renderer().render("order_done", {}, "ru", name="Анна  Ивановна " * 9), title=title[:length].strip()
    )
    raw = smtp.compose(message, mailbox="anna@example.test", delivery_id=UUID(int=7)).as_bytes()
    assert max(len(line) for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n")) <= 998
    read = message_from_bytes(raw)
    # The older parser: the newer one takes folded words of a name for separate ones.
    subject, to = (str(make_header(decode_header(read[name]))) for name in ("Subject", "To"))
    assert subject == message.title
    assert to == f"{message.addressee} <anna@example.test>"
    assert str(message_from_bytes(raw, policy=default)["Subject"]) == message.title


@pytest.mark.parametrize(
    ("value", "russian", "english"),
    [
        ({"amount": 40000, "currency": "RUB"}, "400 ₽", "RUB 400"),
        ({"amount": 123456789, "currency": "RUB"}, "1 234 567,89 ₽", "RUB 1,234,567.89"),
        ({"amount": 50, "currency": "EUR"}, "0,50 €", "€0.50"),
        ({"amount": 5000, "currency": "JPY"}, "5 000 ¥", "JP¥5,000"),
        ({"amount": 0, "currency": "USD"}, "0 $", "US$0"),
    ],
)
def test_money(value: dict[str, Any], russian: str, english: str) -> None:
    assert formats.money(value, "ru").replace("\u00a0", " ") == russian
    assert formats.money(value, "en").replace("\u00a0", " ") == english


@pytest.mark.feature("X5")
def test_of_a_booking_that_recurs_the_times_that_moved_are_told() -> None:
    moved = [
        {
            "previous_starts_at": f"2026-12-{day:02}T10:00:00Z",
            "previous_ends_at": f"2026-12-{day:02}T11:00:00Z",
            "starts_at": f"2026-12-{day + 1:02}T12:00:00Z",
            "ends_at": f"2026-12-{day + 1:02}T13:00:00Z",
            "resource_name": "Ладога" if day == 2 else "Нева",
            "location_name": "Фойе",
            "time_zone": "Europe/Moscow",
        }
        for day in (2, 9, 16, 23)
    ]
    rows = dict(Renderer().render("booking_moved", {**FACTS, "moved": moved[:1]}, "en").rows)
    assert rows["Where"] == "Ладога, Фойе"
    assert (rows["When"], rows["Before"]) == (
        "3 December 2026, 15:00–16:00 (UTC+3)",
        "2 December 2026, 13:00–14:00 (UTC+3)",
    )
    rows = dict(Renderer().render("booking_moved", {**FACTS, "moved": moved}, "ru").rows)
    assert rows["Где"] == "Ладога, Фойе; Нева, Фойе"
    assert (rows["Когда"].count("декабря"), rows["Когда"][-4:]) == (3, "; +1")


@pytest.mark.feature("X2")
@pytest.mark.parametrize(
    ("zone", "starts_at", "ends_at", "expected"),
    [
        ("Europe/Moscow", "2026-12-02T10:00Z", "2026-12-02T12:00Z", "2 December 2026, 13:00–15:00 (UTC+3)"),
        ("Asia/Yekaterinburg", "2027-03-28T00:30Z", "2027-03-28T02:00Z", "28 March 2027, 05:30–07:00 (UTC+5)"),
        ("Asia/Kolkata", "2026-12-02T10:00Z", "2026-12-02T11:00Z", "2 December 2026, 15:30–16:30 (UTC+5:30)"),
        ("America/New_York", "2026-12-02T10:00Z", "2026-12-02T11:00Z", "2 December 2026, 05:00–06:00 (UTC−5)"),
        ("UTC", "2026-12-02T10:00Z", "2026-12-02T11:00Z", "2 December 2026, 10:00–11:00 (UTC)"),
        (
            "Europe/Berlin",
            "2027-03-28T00:30Z",
            "2027-03-28T01:30Z",
            "28 March 2027, 01:30 (UTC+1) – 28 March 2027, 03:30 (UTC+2)",
        ),
        (
            "Europe/Berlin",
            "2027-10-31T00:30Z",
            "2027-10-31T01:30Z",
            "31 October 2027, 02:30 (UTC+2) – 31 October 2027, 02:30 (UTC+1)",
        ),
        (
            "Europe/Berlin",
            "2026-12-02T22:00Z",
            "2026-12-03T00:00Z",
            "2 December 2026, 23:00 (UTC+1) – 3 December 2026, 01:00 (UTC+1)",
        ),
    ],
)
def test_local_time_over_a_change_of_clocks(zone: str, starts_at: str, ends_at: str, expected: str) -> None:
    assert formats.period(starts_at, ends_at, formats.zone(zone), "en") == expected
