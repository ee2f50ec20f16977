"""What can be ordered, and the rules a seller keeps when describing it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from foyer_chassis.errors import InvalidError
from foyer_contracts.money import Money

from .forms import NO_QUESTIONS, Form
from .texts import is_colour, is_picture

#: Business minutes: 60 days around the clock, half a year of working days.
LONGEST_DEADLINE_MINUTES = 60 * 24 * 60
#: Minutes of the clock: a quarter of a year.
LONGEST_AUTO_CLOSE_MINUTES = 90 * 24 * 60
MOST_CANCELLATION_STEPS = 10
LONGEST_NOTICE_HOURS = 365 * 24


class Kind(StrEnum):
    """What sort of thing an offering is; decides how its orders are processed."""

    REQUEST = "request"
    PREMISES_REQUEST = "premises_request"
    SLOT_BOOKING = "slot_booking"
    COWORKING = "coworking"
    HOTEL = "hotel"
    GOODS = "goods"
    MEMBERSHIP = "membership"


REQUEST_KINDS = frozenset({Kind.REQUEST, Kind.PREMISES_REQUEST})


class Terms(StrEnum):
    """How it is paid: with the order; by an invoice that staff issue; in parts; from the customer's account; not."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"
    PART_PAYMENT = "part_payment"
    ACCOUNT = "account"
    FREE = "free"


def default_terms(kind: Kind) -> Terms:
    """Places, goods and memberships are paid for with the order; what requests cost is not known before (B16)."""
    return Terms.POSTPAID if kind in REQUEST_KINDS else Terms.PREPAID


class UnknownOfferingError(InvalidError):
    """There is no such offering, or it cannot be ordered now."""

    title_en = "Unknown offering"
    title_ru = "Нет такой услуги"


class OfferingInvalidError(InvalidError):
    """The offering contradicts itself; `errors` says where."""

    title_en = "The offering contradicts itself"
    title_ru = "Настройки услуги противоречат друг другу"


class NotForOnlineSaleError(InvalidError):
    """Only memberships of a permanent type can be sold online."""

    title_en = "Cannot be sold online"
    title_ru = "Онлайн-продажа недоступна: она возможна только для постоянных абонементов"


@dataclass(frozen=True, slots=True)
class CancellationStep:
    """From `hours_before` the beginning on, cancelling costs `fee_percent` of what was paid (X4)."""

    hours_before: int
    fee_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineSale:
    """The button that sells a membership on somebody's site (D1, D2). Sizes are CSS pixels, colours #rrggbb."""

    enabled: bool = True
    text: str = "Купить"
    text_colour: str = "#ffffff"
    text_size_px: int = 16
    bold: bool = False
    background: str = "#1c7ed6"
    border_colour: str = "#1c7ed6"
    border_width_px: int = 0
    radius_px: int = 4
    width_px: int = 200
    height_px: int = 44


#: Least and greatest pixels of each size of a button.
BUTTON_SIZES: Mapping[str, tuple[int, int]] = {
    "text_size_px": (8, 48),
    "border_width_px": (0, 10),
    "radius_px": (0, 100),
    "width_px": (40, 600),
    "height_px": (20, 200),
}
BUTTON_COLOURS = ("text_colour", "background", "border_colour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """A thing in the catalogue that can be ordered. An order keeps the version it was placed under.

    Attributes:
        legal_entity_id: who owns it: whose price list, invoices and settlements its orders use.
        price: of one; None where booking or the goods catalogue knows the price, or staff name it.
        price_is_from: the price is the least it can be ("from 500 ₽"), not what an order costs.
        responsible_ids: staff who are told of its orders (A1); an assignee is one of them (A4).
        assignee_id: preset of a new order's assignee (B12).
        respond_within_minutes, complete_within_minutes: minutes of business hours of the order's location (A6).
        auto_close_minutes: minutes of the clock until work that the applicant did not answer for is done (A10).
        cancellation: longest notice first; before the first step cancelling is free (X4).
        needs_file: an order cannot be done before staff attach a file (B9).
        needs_confirmation: the applicant confirms the work (A7, A8); else staff complete it.
        refunds_allowed: customers may ask for their money back (B22).
        dialog_before_order: customers may ask about it before they order (B27).
        location_ids: where it is offered; empty: everywhere.
        resource_ids: what of booking it offers; empty: every resource.
        membership_type_id: what booking issues when it is bought; memberships only.
        permanent: the membership's type is a permanent one, which alone can be sold online (D1).
    """

    id: UUID
    version: int
    title: str
    kind: Kind
    terms: Terms = Terms.PREPAID
    title_en: str | None = None
    short_text: str = ""
    short_text_en: str | None = None
    description: str = ""
    description_en: str | None = None
    cover_url: str | None = None
    category_id: UUID | None = None
    legal_entity_id: UUID | None = None
    price: Money | None = None
    price_is_from: bool = False
    form: Form = NO_QUESTIONS
    responsible_ids: tuple[UUID, ...] = ()
    assignee_id: UUID | None = None
    respond_within_minutes: int | None = None
    complete_within_minutes: int | None = None
    auto_close_minutes: int | None = None
    customer_may_cancel: bool = True
    cancellation: tuple[CancellationStep, ...] = ()
    needs_file: bool = False
    needs_confirmation: bool = True
    refunds_allowed: bool = True
    dialog_before_order: bool = False
    location_ids: tuple[UUID, ...] = ()
    resource_ids: tuple[UUID, ...] = ()
    membership_type_id: UUID | None = None
    permanent: bool = False
    online_sale: OnlineSale | None = None
    active: bool = True

    @property
    def prepaid(self) -> bool:
        """The invoice is issued with the order, which waits for its payment (B16)."""
        return self.terms is Terms.PREPAID

    @property
    def sold_online(self) -> bool:
        """Anybody may buy it by its button (D3)."""
        return self.active and self.online_sale is not None and self.online_sale.enabled

    def title_in(self, locale: str) -> str:
        return self.title_en if locale == "en" and self.title_en else self.title

    def offered_at(self, location_id: UUID) -> bool:
        return not self.location_ids or location_id in self.location_ids

    def check(self) -> None:
        """Raises NotForOnlineSaleError, OfferingInvalidError, FormInvalidError: it cannot be offered like this."""
        if self.online_sale is not None and not (self.kind is Kind.MEMBERSHIP and self.permanent):
            raise NotForOnlineSaleError(field="online_sale", kind=self.kind.value, permanent=self.permanent)
        self.form.check_definition()
        if errors := [
            {"field": field, "code": code, "detail": detail} for field, code, detail in self._contradictions()
        ]:
            raise OfferingInvalidError(errors=errors)

    def _contradictions(self) -> Iterator[tuple[str, str, str]]:
        if self.cover_url is not None and not is_picture(self.cover_url):
            yield "cover_url", "malformed", "A cover is the https address of a picture."
        if self.assignee_id is not None and self.assignee_id not in self.responsible_ids:
            yield "assignee_id", "not_responsible", "The preset assignee must be one of responsible_ids."
        yield from self._contradictions_of_price()
        yield from self._contradictions_of_times()
        membership = self.kind is Kind.MEMBERSHIP
        if membership and self.membership_type_id is None:
            yield "membership_type_id", "required", "A membership must say what is issued when it is bought."
        if not membership and self.membership_type_id is not None:
            yield "membership_type_id", "not_allowed", "Only memberships have a membership type."
        if not membership and self.permanent:
            yield "permanent", "not_allowed", "Only memberships have a permanent type."
        if self.online_sale is not None:
            yield from _contradictions_of_button(self.online_sale)

    def _contradictions_of_price(self) -> Iterator[tuple[str, str, str]]:
        if self.price is not None and self.price.amount < 0:
            yield "price", "too_small", "A price is not negative."
        if self.price is None and self.price_is_from:
            yield "price_is_from", "needs_price", "There is no price to begin from."
        if self.terms is Terms.FREE and self.price is not None and self.price.amount > 0:
            yield "price", "not_allowed", "What is free has no price."
        # Nobody else can name these prices at the moment the order is placed (B16, D3).
        priced_here = self.kind is Kind.MEMBERSHIP and self.terms is not Terms.FREE
        if priced_here or (self.kind in REQUEST_KINDS and self.prepaid):
            if self.price is None or self.price.amount == 0:
                yield "price", "required", "What is paid with the order needs a price."
            elif self.price_is_from:
                yield "price_is_from", "not_allowed", "What is paid with the order needs a fixed price."

    def _contradictions_of_times(self) -> Iterator[tuple[str, str, str]]:
        for field, minutes, longest in (
            ("respond_within_minutes", self.respond_within_minutes, LONGEST_DEADLINE_MINUTES),
            ("complete_within_minutes", self.complete_within_minutes, LONGEST_DEADLINE_MINUTES),
            ("auto_close_minutes", self.auto_close_minutes, LONGEST_AUTO_CLOSE_MINUTES),
        ):
            if minutes is not None and not 1 <= minutes <= longest:
                yield field, "out_of_range", f"1 to {longest} minutes."
        if len(self.cancellation) > MOST_CANCELLATION_STEPS:
            yield "cancellation", "too_long", f"At most {MOST_CANCELLATION_STEPS} steps."
        for step in self.cancellation:
            if not (0 <= step.hours_before <= LONGEST_NOTICE_HOURS and 0 <= step.fee_percent <= 100):
                yield "cancellation", "out_of_range", f"0 to {LONGEST_NOTICE_HOURS} hours before, 0 to 100 percent."
        for earlier, later in pairwise(self.cancellation):
            if earlier.hours_before <= later.hours_before:
                yield "cancellation", "not_sorted", "Steps go from the longest notice to the shortest, each once."
            elif earlier.fee_percent > later.fee_percent:
                yield "cancellation", "fee_falls", "Cancelling later does not cost less."


def cancellation_fee_percent(steps: Iterable[CancellationStep], notice: timedelta) -> int:
    """What a customer who cancels so long before the beginning loses of what was paid (X4). Exactly N hours before is
    still in time."""
    return max((step.fee_percent for step in steps if notice < timedelta(hours=step.hours_before)), default=0)


def sorted_steps(steps: tuple[CancellationStep, ...]) -> tuple[CancellationStep, ...]:
    """Longest notice first, as an offering keeps them."""
    return tuple(sorted(steps, key=lambda step: -step.hours_before))


def _contradictions_of_button(sale: OnlineSale) -> Iterator[tuple[str, str, str]]:
    if not 1 <= len(sale.text.strip()) <= 60:
        yield "online_sale.text", "out_of_range", "1 to 60 characters."
    for name, (least, most) in BUTTON_SIZES.items():
        if not least <= getattr(sale, name) <= most:
            yield f"online_sale.{name}", "out_of_range", f"{least} to {most} pixels."
    for name in BUTTON_COLOURS:
        if not is_colour(getattr(sale, name)):
            yield f"online_sale.{name}", "malformed", "A colour is #rrggbb."
