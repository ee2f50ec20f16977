"""What printed documents say: amounts in words, dates, and their lines, in Russian."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foyer_chassis.errors import ConflictError
from foyer_contracts.money import Money


class ActTooEarlyError(ConflictError):
    """An act is made of an order that is done and paid."""

    title_en = "The order is not done and paid yet"
    title_ru = "Заказ ещё не выполнен и не оплачен"


_UNITS = ("", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
_UNITS_FEMININE = ("", "одна", "две", *_UNITS[3:])
_TEENS = (
    "десять",
    "одиннадцать",
    "двенадцать",
    "тринадцать",
    "четырнадцать",
    "пятнадцать",
    "шестнадцать",
    "семнадцать",
    "восемнадцать",
    "девятнадцать",
)
_TENS = (
    "",
    "",
    "двадцать",
    "тридцать",
    "сорок",
    "пятьдесят",
    "шестьдесят",
    "семьдесят",
    "восемьдесят",
    "девяносто",
)
_HUNDREDS = (
    "",
    "сто",
    "двести",
    "триста",
    "четыреста",
    "пятьсот",
    "шестьсот",
    "семьсот",
    "восемьсот",
    "девятьсот",
)
#: Forms for 1, 2–4, 5–20; whether feminine.
_SCALES: tuple[tuple[tuple[str, str, str], bool], ...] = (
    (("", "", ""), False),
    (("тысяча", "тысячи", "тысяч"), True),
    (("миллион", "миллиона", "миллионов"), False),
    (("миллиард", "миллиарда", "миллиардов"), False),
    (("триллион", "триллиона", "триллионов"), False),
)
_CURRENCIES = {
    "RUB": (("рубль", "рубля", "рублей"), ("копейка", "копейки", "копеек")),
    "USD": (("доллар США", "доллара США", "долларов США"), ("цент", "цента", "центов")),
    "EUR": (("евро", "евро", "евро"), ("цент", "цента", "центов")),
}
_MONTHS = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)


def plural(number: int, forms: tuple[str, str, str]) -> str:
    """The form of a noun after a number: 1 рубль, 2 рубля, 5 рублей, 11 рублей, 21 рубль."""
    tens, units = number % 100 // 10, number % 10
    if tens == 1 or units == 0 or units >= 5:
        return forms[2]
    return forms[0] if units == 1 else forms[1]


def _triple(number: int, *, feminine: bool) -> list[str]:
    hundreds, tens, units = number // 100, number % 100 // 10, number % 10
    words = [_HUNDREDS[hundreds]]
    if tens == 1:
        words.append(_TEENS[units])
    else:
        words += [_TENS[tens], (_UNITS_FEMININE if feminine else _UNITS)[units]]
    return [word for word in words if word]


def number_in_words(number: int) -> str:
    """A whole number from 0 in Russian words, masculine."""
    if number == 0:
        return "ноль"
    words: list[str] = []
    for power in range(len(_SCALES) - 1, -1, -1):
        part = number // 1000**power % 1000
        if part:
            forms, feminine = _SCALES[power]
            words += _triple(part, feminine=feminine)
            words += [plural(part, forms)] if power else []
    return " ".join(words)


def in_words(amount: Money) -> str:
    """ "Четыреста рублей 00 копеек"; of currencies without Russian names the code stands instead."""
    scale = 10**amount.exponent
    whole, part = divmod(amount.amount, scale)
    text = number_in_words(whole).capitalize()
    names = _CURRENCIES.get(amount.currency)
    if names is None:
        return f"{text} {amount.currency}" + (f" {part:0{amount.exponent}d}/{scale}" if amount.exponent else "")
    return f"{text} {plural(whole, names[0])} {part:02d} {plural(part, names[1])}"


def figures(amount: Money) -> str:
    """With thin groups and a comma, as people write: 12 345,60."""
    digits = amount.to_decimal_string()
    whole, _, part = digits.removeprefix("-").partition(".")
    grouped = f"{int(whole):,}".replace(",", "\u00a0")
    return ("-" if digits.startswith("-") else "") + grouped + (f",{part}" if part else "")


def date_in_words(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year} г."


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    unit: str
    quantity: int
    unit_price: Money
    total: Money
    vat: Money | None


def _discount(line: Mapping[str, Any]) -> str:
    percent = str(line.get("discount_percent") or "0")
    off = Money(**line["discount"]) if line.get("discount") else None
    said = [f"{percent.replace('.', ',')} %"] if percent.strip("0.") else []
    said += [figures(off)] if off is not None and off.amount else []
    return f" (скидка {' и '.join(said)})" if said else ""


def rows(lines: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Lines of an invoice as they are printed."""
    return [
        Row(
            title=str(line["title"]) + _discount(line),
            unit=str(line.get("unit") or "шт."),
            quantity=int(line["quantity"]),
            unit_price=Money(**line["unit_price"]),
            total=Money(**line["total"]),
            vat=Money(**line["vat"]) if line.get("vat") and line.get("vat_rate") is not None else None,
        )
        for line in lines
    ]
