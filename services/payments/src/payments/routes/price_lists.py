"""Legal entities and their price lists: staff read, finance writes."""

from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from foyer_chassis.auth import requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Currency, Money, not_negative
from pydantic import AfterValidator, BaseModel, Field, model_validator

from ..price_lists import store, use_cases
from ..price_lists.domain import (
    VAT_RATES,
    LegalEntity,
    NoReceiptsError,
    Position,
    ProviderMissingError,
    ProviderUnknownError,
    ReceiptSettings,
    VatMode,
    checked_inn,
)
from ..providing import found
from ..settings import Settings
from .access import NO_NUL, After, Limit

router = APIRouter(prefix="/v1", tags=["price lists"])

STAFF = requires("payments:read")
WRITERS = requires("payments:price_lists")
NOBODY = UUID(int=0)

Text = Annotated[str, Field(min_length=1, max_length=300, pattern=NO_NUL)]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
VatRate = Annotated[int, Field(description=f"whole percents: {sorted(VAT_RATES)}; null: without VAT")]
IfMatch = Annotated[str | None, Header(description="the ETag that was read")]

ProviderName = Annotated[
    str,
    Field(max_length=50, json_schema_extra=lambda schema: schema.update(enum=list(found()))),
]
Email = Annotated[str, Field(pattern=r"^[^@\s\x00]{1,64}@[^@\s\x00]{1,255}$")]


def _digits(count: int) -> object:
    return Field(pattern=rf"^[0-9]{{{count}}}$")


class Receipts(BaseModel):
    """How receipts are made (X6). `tax_system`: 1–6, as the payment provider numbers them."""

    enabled: bool = False
    tax_system: Annotated[int, Field(ge=1, le=6)] | None = None
    payment_subject: Literal["service", "commodity", "job", "excise", "another"] = "service"
    fallback_email: Email | None = None

    @model_validator(mode="after")
    def _somewhere_to_go(self) -> Self:
        if self.enabled and self.fallback_email is None:
            raise ValueError("fallback_email is needed: links made by themselves know no payer's address")
        return self


class LegalEntityIn(BaseModel):
    """A seller. `commission_percent`: what we keep of its orders; `surcharge_percent`: what payers pay on top;
    `payment_provider`: where its new payments are made, null for the service's own; known payments stay where they are.
    """

    name: Text
    inn: str | None = None
    kpp: Annotated[str, _digits(9)] | None = None
    ogrn: Annotated[str, Field(pattern=r"^([0-9]{13}|[0-9]{15})$")] | None = None
    address: Text | None = None
    bank_account: Annotated[str, _digits(20)] | None = None
    bank_name: Text | None = None
    bic: Annotated[str, _digits(9)] | None = None
    correspondent_account: Annotated[str, _digits(20)] | None = None
    director: Text | None = None
    accountant: Text | None = None
    currency: Currency = "RUB"
    vat_mode: VatMode = VatMode.NONE
    vat_rate: VatRate | None = None
    commission_percent: Percent = Decimal(0)
    surcharge_percent: Percent = Decimal(0)
    receipts: Receipts = Receipts()
    is_default: bool = False
    payment_provider: ProviderName | None = None

    @model_validator(mode="after")
    def _rates(self) -> Self:
        if self.vat_rate is not None and self.vat_rate not in VAT_RATES:
            raise ValueError(f"vat_rate is one of {sorted(VAT_RATES)}")
        if (self.vat_mode is VatMode.NONE) != (self.vat_rate is None):
            raise ValueError("vat_rate is needed with every vat_mode but none, and only then")
        if self.receipts.enabled and self.currency != "RUB":
            raise ValueError("receipts (54-FZ) are made in roubles only")
        return self

    def entity(self, id_: UUID, version: int) -> LegalEntity:
        """Raises TaxNumberError."""
        if self.inn is not None:
            checked_inn(self.inn)
        fields = self.model_dump(exclude={"receipts"})
        return LegalEntity(id=id_, version=version, receipts=ReceiptSettings(**self.receipts.model_dump()), **fields)


class LegalEntityOut(LegalEntityIn):
    id: UUID
    version: int

    @classmethod
    def of(cls, entity: LegalEntity) -> Self:
        return cls.model_validate(entity, from_attributes=True)


class LegalEntities(BaseModel):
    items: list[LegalEntityOut]


class PositionIn(BaseModel):
    """What may be put on an invoice. `vat_rate` null: the seller's."""

    title: Text
    unit: Annotated[str, Field(min_length=1, max_length=20, pattern=NO_NUL)] = "шт."
    unit_price: Annotated[Money, AfterValidator(not_negative)]
    vat_rate: VatRate | None = None
    active: bool = True

    @model_validator(mode="after")
    def _rates(self) -> Self:
        if self.vat_rate is not None and self.vat_rate not in VAT_RATES:
            raise ValueError(f"vat_rate is one of {sorted(VAT_RATES)}")
        return self

    def position(self, entity_id: UUID) -> Position:
        return Position(
            id=NOBODY,
            legal_entity_id=entity_id,
            title=self.title,
            unit=self.unit,
            unit_price=self.unit_price,
            vat_rate=self.vat_rate,
            active=self.active,
            version=0,
        )


class PositionOut(PositionIn):
    id: UUID
    legal_entity_id: UUID
    version: int

    @classmethod
    def of(cls, position: Position) -> Self:
        return cls.model_validate(position, from_attributes=True)


class PositionPage(BaseModel):
    items: list[PositionOut]
    next: UUID | None


def _check_provider(wanted: LegalEntityIn, request: Request) -> None:
    """Raises ProviderUnknownError, ProviderMissingError or NoReceiptsError."""
    settings: Settings = request.app.state.settings
    allowed = [None, *settings.set_up]
    if wanted.payment_provider not in (None, *settings.providers):
        raise ProviderUnknownError(field="payment_provider", allowed=allowed)
    if wanted.payment_provider not in allowed:
        raise ProviderMissingError(field="payment_provider", allowed=allowed)
    if wanted.receipts.enabled and (wanted.payment_provider or settings.payment_provider) not in settings.fiscal:
        raise NoReceiptsError(field="receipts.enabled", allowed=sorted(settings.fiscal))


@router.get("/legal-entities", dependencies=[STAFF])
async def list_legal_entities(reading: Reading) -> LegalEntities:
    return LegalEntities(items=[LegalEntityOut.of(item) for item in await store.everyone(reading)])


@router.post("/legal-entities", status_code=201, response_model=LegalEntityOut, dependencies=[WRITERS])
async def add_legal_entity(wanted: LegalEntityIn, once: OncePerKey, request: Request) -> Response:
    _check_provider(wanted, request)

    async def command(transaction: Transaction) -> Answer:
        entity = await use_cases.add_entity(transaction, wanted.entity(NOBODY, 0))
        return Answer(LegalEntityOut.of(entity), 201, {"ETag": etag(entity.version)})

    return await once.run(command)


@router.get("/legal-entities/{entity_id}", dependencies=[STAFF])
async def get_legal_entity(entity_id: UUID, reading: Reading, response: Response) -> LegalEntityOut:
    entity = await store.by_id(reading, entity_id)
    if entity is None:
        raise NotFoundError
    response.headers["ETag"] = etag(entity.version)
    return LegalEntityOut.of(entity)


@router.put("/legal-entities/{entity_id}", dependencies=[WRITERS])
async def change_legal_entity(
    entity_id: UUID,
    wanted: LegalEntityIn,
    transaction: InTransaction,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> LegalEntityOut:
    _check_provider(wanted, request)
    version = version_of(if_match)
    entity = await use_cases.change_entity(transaction, wanted.entity(entity_id, version), version=version)
    response.headers["ETag"] = etag(entity.version)
    return LegalEntityOut.of(entity)


@router.get("/legal-entities/{entity_id}/positions", dependencies=[STAFF])
async def list_positions(
    entity_id: UUID, reading: Reading, active_only: bool = True, limit: Limit = 100, after: After = None
) -> PositionPage:
    found = await store.positions(reading, entity_id, active_only=active_only, after=after, limit=limit)
    return PositionPage(
        items=[PositionOut.of(item) for item in found], next=found[-1].id if len(found) == limit else None
    )


@router.post(
    "/legal-entities/{entity_id}/positions", status_code=201, response_model=PositionOut, dependencies=[WRITERS]
)
async def add_position(entity_id: UUID, wanted: PositionIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        position = await use_cases.add_position(transaction, wanted.position(entity_id))
        return Answer(PositionOut.of(position), 201, {"ETag": etag(position.version)})

    return await once.run(command)


@router.put("/price-list-positions/{position_id}", dependencies=[WRITERS])
async def change_position(
    position_id: UUID,
    wanted: PositionIn,
    transaction: InTransaction,
    response: Response,
    if_match: IfMatch = None,
) -> PositionOut:
    """Change a position, or take it out of use (`active` false). Invoices that were issued keep what they say."""
    position = await use_cases.change_position(
        transaction, position_id, wanted.position(NOBODY), version=version_of(if_match)
    )
    response.headers["ETag"] = etag(position.version)
    return PositionOut.of(position)
