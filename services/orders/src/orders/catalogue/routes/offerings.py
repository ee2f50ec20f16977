"""Offerings and what they ask of whoever orders them."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller
from foyer_chassis.db import Transaction
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .. import store, use_cases
from ..domain import CancellationStep, Kind, Offering, OnlineSale, Terms, json_schema, sorted_steps
from ..domain.offering import BUTTON_SIZES, LONGEST_AUTO_CLOSE_MINUTES, LONGEST_DEADLINE_MINUTES
from ..domain.texts import COLOUR_PATTERN
from .forms import FormIn
from .shapes import CONFIGURERS, READERS, Long, Price, Short, Title, Url

router = APIRouter(prefix="/v1", tags=["catalogue"])

Colour = Annotated[str, Field(pattern=COLOUR_PATTERN, description="#rrggbb")]
DeadlineMinutes = Annotated[int | None, Field(ge=1, le=LONGEST_DEADLINE_MINUTES)]


def _pixels(name: str) -> Any:
    least, most = BUTTON_SIZES[name]
    return Field(ge=least, le=most, description="pixels")


class CancellationStepIn(BaseModel):
    """From `hours_before` the beginning on, cancelling costs `fee_percent` of what was paid."""

    model_config = ConfigDict(extra="forbid")

    hours_before: int = Field(ge=0, le=365 * 24)
    fee_percent: int = Field(ge=0, le=100)


_BUTTON = OnlineSale()


class OnlineSaleIn(BaseModel):
    """The button that sells the membership on somebody's site (D1, D2)."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = True
    text: Annotated[Title, Field(max_length=60)] = _BUTTON.text
    text_colour: Colour = _BUTTON.text_colour
    text_size_px: Annotated[int, _pixels("text_size_px")] = _BUTTON.text_size_px
    bold: bool = _BUTTON.bold
    background: Colour = _BUTTON.background
    border_colour: Colour = _BUTTON.border_colour
    border_width_px: Annotated[int, _pixels("border_width_px")] = _BUTTON.border_width_px
    radius_px: Annotated[int, _pixels("radius_px")] = _BUTTON.radius_px
    width_px: Annotated[int, _pixels("width_px")] = _BUTTON.width_px
    height_px: Annotated[int, _pixels("height_px")] = _BUTTON.height_px

    def to_sale(self) -> OnlineSale:
        return OnlineSale(**dict(self))

    @classmethod
    def of(cls, sale: OnlineSale) -> Self:
        return cls(**{name: getattr(sale, name) for name in cls.model_fields})


class OfferingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title
    title_en: Title | None = None
    short_text: Short = ""
    short_text_en: Short | None = None
    description: Long = ""
    description_en: Long | None = None
    cover_url: Url | None = Field(default=None, description="https address of a picture")
    category_id: UUID | None = None
    legal_entity_id: UUID | None = Field(default=None, description="who owns it: whose price list and invoices")
    terms: Terms | None = Field(
        default=None, description="how it is paid; without: requests afterwards, everything else with the order"
    )
    prepaid: bool | None = Field(
        default=None, deprecated=True, description="old spelling of `terms`: true is `prepaid`, false `postpaid`"
    )
    price: Price | None = Field(default=None, description="without: booking or the goods know it, or staff name it")
    price_is_from: bool = Field(default=False, description='the least it can be ("from 500 ₽")')
    form: FormIn = FormIn()
    responsible_ids: list[UUID] = Field(default=[], max_length=50, description="staff who are told of its orders")
    assignee_id: UUID | None = Field(default=None, description="preset of new orders; one of responsible_ids")
    respond_within_minutes: DeadlineMinutes = Field(default=None, description="business hours of the location")
    complete_within_minutes: DeadlineMinutes = Field(default=None, description="business hours of the location")
    auto_close_minutes: Annotated[int | None, Field(ge=1, le=LONGEST_AUTO_CLOSE_MINUTES)] = Field(
        default=None, description="work the applicant did not answer for is done after so many minutes"
    )
    customer_may_cancel: bool = True
    cancellation: list[CancellationStepIn] = Field(
        default=[], max_length=10, description="free until the longest notice, then a percentage of what was paid"
    )
    needs_file: bool = Field(default=False, description="cannot be done before staff attach a file")
    needs_confirmation: bool = Field(
        default=True, description="the applicant confirms the work; else staff complete it"
    )
    refunds_allowed: bool = Field(default=True, description="customers may ask for their money back")
    dialog_before_order: bool = Field(default=False, description="customers may ask about it before they order")
    location_ids: list[UUID] = Field(default=[], max_length=200, description="empty: everywhere")
    resource_ids: list[UUID] = Field(default=[], max_length=500, description="empty: every resource")
    membership_type_id: UUID | None = Field(default=None, description="memberships: what is issued when it is bought")
    permanent: bool = Field(default=False, description="memberships: of a permanent type, which can be sold online")
    online_sale: OnlineSaleIn | None = None
    active: bool = True

    @model_validator(mode="after")
    def _one_spelling(self) -> Self:
        prepaid = self.__dict__["prepaid"]
        if prepaid is not None and self.terms is not None and prepaid != (self.terms is Terms.PREPAID):
            raise ValueError("terms and prepaid contradict each other")
        return self

    def values(self) -> dict[str, Any]:
        """As the use cases take them."""
        values = dict(self)
        prepaid = values.pop("prepaid")
        if prepaid is not None and self.terms is None:
            values["terms"] = Terms.PREPAID if prepaid else Terms.POSTPAID
        for name in ("responsible_ids", "location_ids", "resource_ids"):
            values[name] = tuple(dict.fromkeys(values[name]))
        return {
            **values,
            "form": self.form.to_form(),
            "cancellation": sorted_steps(
                tuple(CancellationStep(step.hours_before, step.fee_percent) for step in self.cancellation)
            ),
            "online_sale": self.online_sale.to_sale() if self.online_sale else None,
        }


class NewOffering(OfferingIn):
    kind: Kind


class OfferingOut(NewOffering):
    """Who works on it, only staff see."""

    id: UUID
    terms: Terms
    prepaid: bool
    price: Money | None
    version: int

    @classmethod
    def of(cls, offering: Offering, *, for_staff: bool) -> "OfferingOut":
        plain = {name: getattr(offering, name) for name in cls.model_fields}
        if not for_staff:
            plain |= {"responsible_ids": (), "assignee_id": None}
        return cls.model_construct(
            **{
                **plain,
                "responsible_ids": list(plain["responsible_ids"]),
                "location_ids": list(offering.location_ids),
                "resource_ids": list(offering.resource_ids),
                "form": FormIn.of(offering.form),
                "cancellation": [
                    CancellationStepIn(hours_before=step.hours_before, fee_percent=step.fee_percent)
                    for step in offering.cancellation
                ],
                "online_sale": OnlineSaleIn.of(offering.online_sale) if offering.online_sale else None,
            }
        )


class OfferingPage(BaseModel):
    items: list[OfferingOut]
    next: UUID | None


@router.post("/offerings", status_code=201, response_model=OfferingOut, dependencies=[CONFIGURERS])
async def create_offering(body: NewOffering, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        offering = await use_cases.create_offering(transaction, **body.values())
        headers = {"Location": f"/v1/offerings/{offering.id}", "ETag": etag(offering.version)}
        return Answer(OfferingOut.of(offering, for_staff=True), 201, headers)

    return await once.run(command)


@router.get("/offerings", dependencies=[READERS])
async def list_offerings(
    reading: Reading,
    caller: CurrentCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: UUID | None = None,
    kind: Kind | None = None,
    category_id: UUID | None = None,
) -> OfferingPage:
    """Customers see what can be ordered, staff also what cannot."""
    found = await store.offerings_page(
        reading, inactive_too=caller.is_staff, kind=kind, category_id=category_id, after=after, limit=limit
    )
    items = [OfferingOut.of(offering, for_staff=caller.is_staff) for offering in found]
    return OfferingPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/offerings/{offering_id}", dependencies=[READERS])
async def get_offering(offering_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> OfferingOut:
    offering = await use_cases.visible_offering(reading, caller, offering_id)
    response.headers["ETag"] = etag(offering.version)
    return OfferingOut.of(offering, for_staff=caller.is_staff)


@router.get("/offerings/{offering_id}/form-schema", dependencies=[READERS])
async def get_form_schema(
    offering_id: UUID, reading: Reading, caller: CurrentCaller, response: Response
) -> dict[str, Any]:
    """What answers must be like, as JSON Schema 2020-12 with labels in the caller's language: an app draws the form
    of it and checks answers before it sends them. `if`/`else` tell which fields are shown; what is not shown must not
    be answered."""
    offering = await use_cases.visible_offering(reading, caller, offering_id)
    response.headers["ETag"] = etag(offering.version)
    return json_schema(offering.form, title=offering.title_in(caller.locale), locale=caller.locale)


@router.put("/offerings/{offering_id}", dependencies=[CONFIGURERS])
async def change_offering(
    offering_id: UUID,
    body: OfferingIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> OfferingOut:
    """Replace all but the kind. Orders keep what they were placed under."""
    offering = await use_cases.change_offering(
        transaction, offering_id, if_version=version_of(if_match), **body.values()
    )
    response.headers["ETag"] = etag(offering.version)
    return OfferingOut.of(offering, for_staff=True)
