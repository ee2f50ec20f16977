"""What a text is made of, before any language: its rows, the facts these need, its button."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Locale = Literal["ru", "en"]
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A text by its name in `templates/<language>/texts.ftl`.

    Attributes:
        rows: shown one a line below the text; a row whose fact is not known is left out.
        wants: facts worth a short wait; without them the text is the shorter one.
        button: the fact that holds the address of the page to go on with.
    """

    rows: tuple[str, ...]
    wants: tuple[str, ...] = ("number",)
    button: str | None = None


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "order_placed": Template(rows=("offering", "place", "time"), wants=("number", "places")),
        "payment_link": Template(
            rows=("place", "time", "amount", "pay_until"), wants=("number", "places", "pay_until"), button="url"
        ),
        "order_confirmed": Template(rows=("place", "time", "total"), wants=("number", "places", "total")),
        "order_placed_for_you": Template(rows=("offering", "place", "time"), wants=("number", "places")),
        "order_assigned": Template(rows=("offering", "place", "time")),
        "order_to_confirm": Template(rows=("offering",)),
        "order_ready": Template(rows=("offering",)),
        "order_returned": Template(rows=("offering", "note")),
        "order_overdue_response": Template(rows=("offering", "due_at")),
        "order_overdue_completion": Template(rows=("offering", "due_at")),
        "order_to_rate": Template(rows=("offering",)),
        "order_changed": Template(rows=("offering", "total", "refund")),
        "booking_moved": Template(rows=("place", "time", "former")),
        "draft_ready": Template(rows=("offering",), wants=()),
        "invoice_to_pay": Template(rows=("offering", "invoice", "amount")),
        "refund_requested": Template(rows=("amount",)),
        "refund_rejected": Template(rows=("amount", "note")),
        "account_topped_up": Template(rows=("amount", "balance"), wants=()),
        "account_insufficient": Template(rows=("amount", "balance")),
        "dialog_from_customer": Template(rows=("offering",), wants=()),
        "dialog_from_staff": Template(rows=("offering",), wants=()),
        "message_from_customer": Template(rows=("offering",)),
        "message_from_staff": Template(rows=("offering",)),
        "message_inside": Template(rows=("offering",)),
        "ticket_issued": Template(rows=("ticket", "place", "time")),
        "pass_issued": Template(rows=("offering", "pass_number"), wants=()),
        "pass_code": Template(rows=("offering", "pass_number", "code"), wants=()),
        "pass_attached": Template(rows=("pass_number", "valid_until"), wants=()),
        "pass_withdrawn": Template(rows=("pass_number",), wants=()),
        "class_booked": Template(rows=("offering", "starts_at"), wants=()),
        "class_cancelled": Template(rows=("offering", "starts_at"), wants=()),
        "class_called_off": Template(rows=("offering", "starts_at"), wants=()),
        "class_moved": Template(rows=("offering", "time", "former", "place", "trainer"), wants=()),
        "class_changed": Template(rows=("offering", "time", "place", "trainer"), wants=()),
        "offer_made": Template(rows=("place", "time", "pay_until"), wants=()),
        "webhook_disabled": Template(rows=("webhook",), wants=()),
        "remind_start": Template(rows=("place", "time")),
        "remind_hold": Template(rows=("place", "time", "pay_until")),
        "remind_invoice": Template(rows=("offering", "invoice", "amount")),
        "remind_rating": Template(rows=("offering",)),
        "order_status": Template(rows=("offering",)),
        "order_started": Template(rows=("place", "time"), wants=("number", "places")),
        "order_done": Template(rows=("offering",)),
        # An order that never got its places has none to show; what staff wrote to it comes with the change of status.
        "order_cancelled": Template(rows=("place", "time", "cancel_note"), wants=("number", "cancel_told")),
        "order_cancelled_refunding": Template(
            rows=("place", "time", "refund", "cancel_note"), wants=("number", "cancel_told")
        ),
        "refund_succeeded": Template(rows=("amount",)),
        "refund_failed": Template(rows=("amount",)),
    }
)


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """A text in one language, plain: whoever puts it into HTML escapes it. No field has a line break.

    `addressee` is the reader's name, empty where it is not known.
    """

    locale: Locale
    addressee: str
    title: str
    greeting: str
    body: str
    rows: tuple[tuple[str, str], ...]
    button: Button | None
    footer: str

    @property
    def short(self) -> str:
        """The body and its rows, a line each: what a feed and a push message show below the title."""
        return "\n".join([self.body, *(f"{label}: {value}" for label, value in self.rows)])
