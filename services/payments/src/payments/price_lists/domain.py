"""Who sells: legal entities with what is printed and charged in their name, and their price lists."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money


class LegalEntityMissingError(ConflictError):
    """The order belongs to no legal entity that is known here, and there is no default one."""

    title_en = "No legal entity to invoice for"
    title_ru = "Не указано юридическое лицо"


class PositionMissingError(InvalidError):
    """There is no such active position in the price list of the legal entity that owns the order's offering."""

    title_en = "No such position in the price list"
    title_ru = "Такой позиции нет в прайс-листе"


class TaxNumberError(InvalidError):
    """The taxpayer's number is not valid: its check digits do not fit."""

    title_en = "The INN is not valid"
    title_ru = "Неверный ИНН"


class ProviderUnknownError(InvalidError):
    """The service knows no payment provider of this name."""

    title_en = "No such payment provider"
    title_ru = "Такой платёжной системы нет"


class ProviderMissingError(InvalidError):
    """The service has no credentials of this payment provider."""

    title_en = "The payment provider is not set up"
    title_ru = "Платёжная система не настроена"


class NoReceiptsError(InvalidError):
    """The payment provider makes no receipts (54-FZ), so a seller who must give them cannot be paid there."""

    title_en = "The payment provider makes no receipts"
    title_ru = "Платёжная система не формирует чеки"


class VatMode(StrEnum):
    """`none`: the seller charges no VAT; `included`: prices contain it; `on_top`: it is added to prices."""

    NONE = "none"
    INCLUDED = "included"
    ON_TOP = "on_top"


#: Rates of VAT in whole percents that a position may have; 0 is a rate, too, and not the same as none.
VAT_RATES = frozenset({0, 5, 7, 10, 20, 22})


@dataclass(frozen=True, slots=True)
class ReceiptSettings:
    """How the seller's receipts (54-FZ) are made.

    Attributes:
        enabled: the provider is told a receipt with each payment and refund (X6).
        tax_system: 1–6, the provider's code of the seller's taxation; None: the provider knows it.
        payment_subject: what is sold, e.g. `service`, `commodity` (tag 1212).
        fallback_email: where the receipt goes as long as the payer's own address is not known.
    """

    enabled: bool = False
    tax_system: int | None = None
    payment_subject: str = "service"
    fallback_email: str | None = None


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """A seller.

    Attributes:
        inn, kpp, ogrn: the taxpayer's numbers; kpp of companies only.
        bank_account, bank_name, bic, correspondent_account: where transfers go.
        director, accountant: who signs.
        vat_mode, vat_rate: of positions that say nothing else; see `VatMode`.
        commission_percent: what we keep of what the seller's orders bring (B6).
        surcharge_percent: what the payer pays on top when paying online (D4).
        is_default: sells what belongs to no other one.
        payment_provider: where its new payments are made; None: where the settings of the service say.
    """

    id: UUID
    name: str
    inn: str | None
    kpp: str | None
    ogrn: str | None
    address: str | None
    bank_account: str | None
    bank_name: str | None
    bic: str | None
    correspondent_account: str | None
    director: str | None
    accountant: str | None
    currency: str
    vat_mode: VatMode
    vat_rate: int | None
    commission_percent: Decimal
    surcharge_percent: Decimal
    receipts: ReceiptSettings
    is_default: bool
    version: int
    payment_provider: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """What may be put on an invoice. `vat_rate` None: the seller's."""

    id: UUID
    legal_entity_id: UUID
    title: str
    unit: str
    unit_price: Money
    vat_rate: int | None
    active: bool
    version: int


_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def _digit(inn: str, weights: tuple[int, ...]) -> str:
    return str(sum(weight * int(digit) for weight, digit in zip(weights, inn, strict=False)) % 11 % 10)


def checked_inn(inn: str) -> str:
    """A taxpayer's number of a company (10 digits) or of a person (12), with right check digits.

    Raises:
        TaxNumberError
    """
    if not re.fullmatch(r"\d{10}|\d{12}", inn, re.ASCII):
        raise TaxNumberError(field="inn")
    if len(inn) == 10:
        right = inn[9] == _digit(inn[:9], _WEIGHTS[2:])
    else:
        right = inn[10] == _digit(inn[:10], _WEIGHTS[1:]) and inn[11] == _digit(inn[:11], _WEIGHTS)
    if not right:
        raise TaxNumberError(field="inn")
    return inn
