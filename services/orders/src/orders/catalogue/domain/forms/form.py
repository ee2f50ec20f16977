"""A whole form: is it well defined, and do answers fit it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from foyer_chassis.errors import InvalidError

from ..texts import Text, is_code
from . import patterns
from .answers import CHECKS, AnswersInvalidError, RefusedError, bounds, lengths
from .fields import (
    DECIDING,
    GREATEST_NUMBER,
    LONGEST_LONG_TEXT,
    LONGEST_TEXT,
    NO_LIMITS,
    WITH_CHOICES,
    FieldType,
    FormField,
)

MOST_FIELDS = 60
MOST_CHOICES = 200
LONGEST_LABEL = 200
LONGEST_HINT = 1000
#: Problems listed in one answer.
MOST_ERRORS = 100

_NUMBERS = frozenset({FieldType.INTEGER, FieldType.DECIMAL})
_TIMES = {FieldType.DATE: patterns.DATE, FieldType.TIME: patterns.TIME}
_MEASURED = frozenset({FieldType.TEXT, FieldType.LONG_TEXT, FieldType.CHOICES})

Error = dict[str, Any]


class FormInvalidError(InvalidError):
    """The form is not well defined; `errors` says where."""

    title_en = "The form is not well defined"
    title_ru = "Форма составлена с ошибками"


@dataclass(frozen=True, slots=True)
class Form:
    """The questions of an offering, in the order they are asked."""

    fields: tuple[FormField, ...] = ()

    def field(self, code: str) -> FormField | None:
        return next((field for field in self.fields if field.code == code), None)

    @property
    def phone_codes(self) -> frozenset[str]:
        """Fields whose answers are phone numbers, which are hidden from staff at first (B8)."""
        return frozenset(field.code for field in self.fields if field.type is FieldType.PHONE)

    def check(self, answers: Mapping[str, object]) -> dict[str, object]:
        """The answers as they are stored, in the order of the form: phones in E.164, instants in UTC.

        Answers of fields that are not shown, and of fields that do not exist, are refused; None is no answer to
        anything. A field is required only while it is shown.

        Raises:
            AnswersInvalidError: with `errors`, each `{field: "answers.<code>", code, detail, allowed?}`.
        """
        accepted: dict[str, object] = {}
        errors: list[Error] = []
        known = {field.code for field in self.fields}
        for field in self.fields:
            shown = field.visible_when is None or field.visible_when.holds(answers.get(field.visible_when.field))
            if field.code not in answers:
                if shown and field.required:
                    errors.append(_error(f"answers.{field.code}", "required", "This must be answered."))
            elif not shown:
                errors.append(_error(f"answers.{field.code}", "not_shown", "This is not asked with these answers."))
            else:
                try:
                    accepted[field.code] = CHECKS[field.type](field, answers[field.code])
                except RefusedError as refused:
                    errors.append(_error(f"answers.{field.code}", refused.code, refused.detail, refused.allowed))
        for code in answers:
            if code not in known and len(errors) < MOST_ERRORS:
                errors.append(_error(f"answers.{_printable(code)}", "unknown", "The form has no such field."))
        if errors:
            raise AnswersInvalidError(errors=errors)
        return accepted

    def check_definition(self) -> None:
        """Raises FormInvalidError: codes, limits or conditions make no sense."""
        errors = list(self._mistakes())[:MOST_ERRORS]
        if errors:
            raise FormInvalidError(errors=errors)

    def _mistakes(self) -> Iterator[Error]:
        if len(self.fields) > MOST_FIELDS:
            yield _error("form.fields", "too_many", f"At most {MOST_FIELDS} fields.")
            return
        by_code: dict[str, FormField] = {}
        for position, field in enumerate(self.fields):
            at = f"form.fields.{position}"
            if not is_code(field.code):
                yield _error(f"{at}.code", "malformed", "A code is a-z, 0-9 and _, beginning with a letter, up to 40.")
            elif field.code in by_code:
                yield _error(f"{at}.code", "repeated", "Another field has this code.")
            by_code.setdefault(field.code, field)
            yield from _mistakes_of_field(at, field)
        for position, field in enumerate(self.fields):
            yield from _mistakes_of_condition(f"form.fields.{position}.visible_when", field, by_code)
        if cycle := _cycle(by_code):
            position = next(n for n, field in enumerate(self.fields) if field.code == cycle[0])
            detail = "The fields depend on each other: " + " → ".join([*cycle, cycle[0]]) + "."
            yield _error(f"form.fields.{position}.visible_when", "cycle", detail)


NO_QUESTIONS = Form()


def _error(field: str, code: str, detail: str, allowed: Mapping[str, Any] | None = None) -> Error:
    error: Error = {"field": field, "code": code, "detail": detail}
    return {**error, "allowed": dict(allowed)} if allowed else error


def _printable(code: str) -> str:
    return re.sub(r"[^\w-]", "?", code[:40].encode(errors="replace").decode())


def _mistakes_of_field(at: str, field: FormField) -> Iterator[Error]:
    yield from _mistakes_of_text(f"{at}.label", field.label, LONGEST_LABEL)
    if field.hint is not None:
        yield from _mistakes_of_text(f"{at}.hint", field.hint, LONGEST_HINT)
    if field.type in WITH_CHOICES:
        if not 1 <= len(field.choices) <= MOST_CHOICES:
            yield _error(f"{at}.choices", "out_of_range", f"1 to {MOST_CHOICES} choices.")
        if len(set(field.codes)) < len(field.choices):
            yield _error(f"{at}.choices", "repeated", "Each choice has a code of its own.")
        for position, choice in enumerate(field.choices):
            if not is_code(choice.code):
                yield _error(f"{at}.choices.{position}.code", "malformed", "A code is a-z, 0-9 and _.")
            yield from _mistakes_of_text(f"{at}.choices.{position}.label", choice.label, LONGEST_LABEL)
    elif field.choices:
        yield _error(f"{at}.choices", "not_allowed", "Only choice and choices have choices.")
    if field.limits != NO_LIMITS:
        yield from _mistakes_of_limits(f"{at}.limits", field)


def _mistakes_of_text(at: str, text: Text, longest: int) -> Iterator[Error]:
    for language, value in (("ru", text.ru), ("en", text.en)):
        if value is not None and not 1 <= len(value.strip()) <= longest:
            yield _error(f"{at}.{language}", "out_of_range", f"1 to {longest} characters.")


def _mistakes_of_limits(at: str, field: FormField) -> Iterator[Error]:
    limits = field.limits
    for name, kinds in (
        ("minimum", _NUMBERS),
        ("maximum", _NUMBERS),
        ("earliest", frozenset(_TIMES)),
        ("latest", frozenset(_TIMES)),
        ("min_length", _MEASURED),
        ("max_length", _MEASURED),
        ("mask", frozenset({FieldType.TEXT})),
    ):
        if getattr(limits, name) is not None and field.type not in kinds:
            yield _error(f"{at}.{name}", "not_allowed", f"A field of type {field.type} has no such limit.")
            return
    if field.type in _NUMBERS:
        least, most = bounds(field)
        if not (_is_exact(least) and _is_exact(most)):
            detail = f"Numbers go from −{GREATEST_NUMBER} to {GREATEST_NUMBER}, with up to 15 digits."
            yield _error(at, "out_of_range", detail)
        elif least > most:
            yield _error(at, "empty_range", "The minimum is above the maximum.")
    elif field.type in _TIMES:
        yield from _mistakes_of_times(at, field)
    else:
        yield from _mistakes_of_lengths(at, field)


def _is_exact(number: Decimal) -> bool:
    """Whether a double, which is what JSON knows, holds it."""
    return number.is_finite() and abs(number) <= GREATEST_NUMBER and Decimal(repr(float(number))) == number


def _mistakes_of_times(at: str, field: FormField) -> Iterator[Error]:
    earliest, latest = field.limits.earliest, field.limits.latest
    for name, text in (("earliest", earliest), ("latest", latest)):
        if text is not None and not _is_time(field.type, text):
            yield _error(f"{at}.{name}", "malformed", f"A {field.type} is needed.")
            return
    if earliest is not None and latest is not None and earliest > latest:
        yield _error(at, "empty_range", "The earliest is after the latest.")


def _is_time(type_: FieldType, text: str) -> bool:
    if "\n" in text or not patterns.compiled(_TIMES[type_]).search(text):
        return False
    if type_ is FieldType.DATE:
        try:
            date.fromisoformat(text)
        except ValueError:
            return False
    return True


def _mistakes_of_lengths(at: str, field: FormField) -> Iterator[Error]:
    least, most = lengths(field)
    longest = {FieldType.LONG_TEXT: LONGEST_LONG_TEXT, FieldType.CHOICES: len(field.choices)}.get(
        field.type, LONGEST_TEXT
    )
    if not 0 <= least <= longest or not 0 <= most <= longest:
        yield _error(at, "out_of_range", f"0 to {longest}.")
    elif least > most:
        yield _error(at, "empty_range", "The least length is above the greatest.")
    mask = field.limits.mask
    if mask is not None and (
        not 1 <= len(mask) <= patterns.LONGEST_MASK or patterns.compiled(patterns.FORBIDDEN_IN_LINE).search(mask)
    ):
        yield _error(f"{at}.mask", "out_of_range", f"1 to {patterns.LONGEST_MASK} printable characters.")
    elif mask is not None and not least <= len(mask) <= most:
        yield _error(f"{at}.mask", "empty_range", "What follows the mask breaks the limits of length.")


def _mistakes_of_condition(at: str, field: FormField, by_code: Mapping[str, FormField]) -> Iterator[Error]:
    condition = field.visible_when
    if condition is None:
        return
    other = by_code.get(condition.field)
    if other is None:
        yield _error(f"{at}.field", "unknown", "The form has no such field.")
    elif other.type not in DECIDING:
        yield _error(f"{at}.field", "not_allowed", "Only boolean, choice and choices decide what is shown.")
    elif not condition.values:
        yield _error(f"{at}.values", "required", "Say for which answers it is shown.")
    elif other.type is FieldType.BOOLEAN:
        if not all(isinstance(value, bool) for value in condition.values):
            yield _error(f"{at}.values", "type", "The answers of a boolean are true and false.")
    elif not all(isinstance(value, str) and value in other.codes for value in condition.values):
        yield _error(f"{at}.values", "not_a_choice", "The field has no such choice.", {"choices": list(other.codes)})


def _cycle(by_code: Mapping[str, FormField]) -> list[str]:
    """Codes of fields that depend on each other in a ring; empty if none do. A field depends on at most one other."""
    for start in by_code:
        path = [start]
        while (field := by_code.get(path[-1])) is not None and field.visible_when is not None:
            following = field.visible_when.field
            if following == start:
                return path
            if following in path:
                break
            path.append(following)
    return []
