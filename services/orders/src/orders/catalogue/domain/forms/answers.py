"""One answer against one field: the value to store, or what is wrong with it."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from foyer_chassis.errors import InvalidError

from . import patterns
from .fields import (
    GREATEST_NUMBER,
    LONGEST_EMAIL,
    LONGEST_LONG_TEXT,
    LONGEST_PHONE,
    LONGEST_TEXT,
    FieldType,
    FormField,
)


class AnswersInvalidError(InvalidError):
    """Answers to the form are missing or not allowed; `errors` says which."""

    title_en = "Please check your answers"
    title_ru = "Проверьте ответы на вопросы"


class RefusedError(Exception):
    """An answer breaks a rule of its field. `allowed` is what would not."""

    def __init__(self, code: str, detail: str, **allowed: Any) -> None:
        super().__init__(detail)
        self.code, self.detail, self.allowed = code, detail, allowed


def bounds(field: FormField) -> tuple[Decimal, Decimal]:
    """Least and greatest number, both included."""
    limits = field.limits
    least = Decimal(-GREATEST_NUMBER) if limits.minimum is None else limits.minimum
    most = Decimal(GREATEST_NUMBER) if limits.maximum is None else limits.maximum
    return least, most


def lengths(field: FormField) -> tuple[int, int]:
    """Least and greatest number of characters, or of things chosen."""
    limits = field.limits
    longest = {
        FieldType.LONG_TEXT: LONGEST_LONG_TEXT,
        FieldType.CHOICES: len(field.choices),
        FieldType.EMAIL: LONGEST_EMAIL,
        FieldType.PHONE: LONGEST_PHONE,
    }.get(field.type, LONGEST_TEXT)
    least = 0 if limits.min_length is None else limits.min_length
    return max(least, 1) if field.required else least, longest if limits.max_length is None else limits.max_length


def _text(field: FormField, value: object) -> str:
    return _checked_text(field, value, patterns.FORBIDDEN_IN_LINE)


def _long_text(field: FormField, value: object) -> str:
    return _checked_text(field, value, patterns.FORBIDDEN_IN_TEXT)


def _checked_text(field: FormField, value: object, forbidden: str) -> str:
    if not isinstance(value, str):
        raise RefusedError("type", "A text is needed.", type="string")
    if patterns.compiled(forbidden).search(value):
        raise RefusedError("forbidden_characters", "Control characters are not allowed.")
    least, most = lengths(field)
    if len(value) < least or (field.required and not patterns.compiled(patterns.NOT_BLANK).search(value)):
        raise RefusedError("too_short", f"At least {least} characters.", min_length=least)
    if len(value) > most:
        raise RefusedError("too_long", f"At most {most} characters.", max_length=most)
    mask = field.limits.mask
    if mask is not None and not patterns.compiled(patterns.mask_pattern(mask)).search(value):
        raise RefusedError("malformed", "The text does not follow the mask.", mask=mask)
    return value


def _shaped(field: FormField, value: object, pattern: str, shape: str) -> str:
    """A line that follows a pattern."""
    if not isinstance(value, str):
        raise RefusedError("type", "A text is needed.", type="string")
    least, most = lengths(field)
    if (
        not least <= len(value) <= most
        or patterns.compiled(patterns.FORBIDDEN_IN_LINE).search(value)
        or not patterns.compiled(pattern).search(value)
    ):
        raise RefusedError("malformed", f"Needed: {shape}.", format=shape)
    return value


def _phone(field: FormField, value: object) -> str:
    """E.164."""
    text = _shaped(field, value, patterns.PHONE, "phone number, e.g. +7 900 000-00-01")
    digits = "".join(letter for letter in text if letter.isdigit())
    return "+" + (digits if text.startswith("+") else "7" + digits[1:])


def _email(field: FormField, value: object) -> str:
    name, _, domain = _shaped(field, value, patterns.EMAIL, "email address").rpartition("@")
    return f"{name}@{domain.lower()}"


def _date(field: FormField, value: object) -> str:
    text = _shaped(field, value, patterns.DATE, "date from 1900 to 2199, e.g. 2027-01-31")
    try:
        date.fromisoformat(text)
    except ValueError:
        raise RefusedError("malformed", "There is no such day.", format="date") from None
    return _within(field, text)


def _time(field: FormField, value: object) -> str:
    return _within(field, _shaped(field, value, patterns.TIME, "time of day, e.g. 09:30"))


def _within(field: FormField, text: str) -> str:
    # Both kinds are written so that texts sort as times do.
    earliest, latest = field.limits.earliest, field.limits.latest
    if earliest is not None and text < earliest:
        raise RefusedError("too_early", f"Not before {earliest}.", earliest=earliest)
    if latest is not None and text > latest:
        raise RefusedError("too_late", f"Not after {latest}.", latest=latest)
    return text


def _datetime(field: FormField, value: object) -> str:
    """An instant, in UTC."""
    text = _shaped(field, value, patterns.DATETIME, "instant with offset, e.g. 2027-01-31T09:30:00+03:00")
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except ValueError:
        raise RefusedError("malformed", "There is no such day.", format="date-time") from None


def _integer(field: FormField, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError("type", "A whole number is needed.", type="integer")
    _check_number(field, value)
    if isinstance(value, float) and not value.is_integer():
        raise RefusedError("type", "A whole number is needed.", type="integer")
    return int(value)


def _decimal(field: FormField, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError("type", "A number is needed.", type="number")
    _check_number(field, value)
    return value


def _check_number(field: FormField, value: int | float) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedError("type", "A finite number is needed.", type="number")
    least, most = bounds(field)
    # A float is compared as what it was written as, so that 0.1 is within a limit of 0.1.
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if number < least:
        raise RefusedError("too_small", f"At least {least}.", minimum=str(least))
    if number > most:
        raise RefusedError("too_great", f"At most {most}.", maximum=str(most))


def _boolean(field: FormField, value: object) -> bool:
    if not isinstance(value, bool):
        raise RefusedError("type", "Yes or no is needed.", type="boolean")
    return value


def _choice(field: FormField, value: object) -> str:
    if not isinstance(value, str) or value not in field.codes:
        raise RefusedError("not_a_choice", "Choose one of those allowed.", choices=list(field.codes))
    return value


def _choices(field: FormField, value: object) -> list[str]:
    if not isinstance(value, list):
        raise RefusedError("type", "A list is needed.", type="array")
    least, most = lengths(field)
    if len(value) < least:
        raise RefusedError("too_few", f"At least {least}.", min_length=least)
    if len(value) > most:
        raise RefusedError("too_many", f"At most {most}.", max_length=most)
    chosen = [_choice(field, item) for item in value]
    if len(set(chosen)) < len(chosen):
        raise RefusedError("repeated", "Choose each only once.")
    return chosen


CHECKS: Mapping[FieldType, Callable[[FormField, object], object]] = {
    FieldType.TEXT: _text,
    FieldType.LONG_TEXT: _long_text,
    FieldType.INTEGER: _integer,
    FieldType.DECIMAL: _decimal,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.TIME: _time,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
    FieldType.CHOICES: _choices,
    FieldType.PHONE: _phone,
    FieldType.EMAIL: _email,
}
