"""A form as JSON Schema 2020-12, for apps: they draw it and check answers before they send them.

It accepts what `Form.check` accepts. `formatMinimum` and `formatMaximum` for dates and times are the vocabulary of
ajv-formats; a validator that does not know them is more lenient, never stricter.
"""

from decimal import Decimal
from typing import Any

from . import patterns
from .answers import bounds, lengths
from .fields import FieldType, FormField, VisibleWhen
from .form import Form

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_SHAPES: dict[FieldType, tuple[str, str | None]] = {
    FieldType.DATE: (patterns.DATE, "date"),
    FieldType.TIME: (patterns.TIME, None),
    FieldType.DATETIME: (patterns.DATETIME, "date-time"),
    FieldType.PHONE: (patterns.PHONE, None),
    FieldType.EMAIL: (patterns.EMAIL, "email"),
}


def json_schema(form: Form, *, title: str, locale: str) -> Schema:
    """The schema of an object of answers, with labels in the caller's language.

    Each property has `x-type`, the type of the field, and `x-position`, its place in the form.
    """
    properties = {field.code: _property(field, position, locale) for position, field in enumerate(form.fields)}
    schema: Schema = {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "properties": properties,
        "required": [field.code for field in form.fields if field.required and field.visible_when is None],
        "additionalProperties": False,
    }
    conditions = [_condition(field, field.visible_when) for field in form.fields if field.visible_when is not None]
    return {**schema, "allOf": conditions} if conditions else schema


def _condition(field: FormField, condition: VisibleWhen) -> Schema:
    one_of_them = {"enum": list(condition.values)}
    answered = {"anyOf": [one_of_them, {"type": "array", "contains": one_of_them}]}
    return {
        "if": {"properties": {condition.field: answered}, "required": [condition.field]},
        "then": {"required": [field.code]} if field.required else {},
        "else": {"properties": {field.code: False}},
    }


def _property(field: FormField, position: int, locale: str) -> Schema:
    about: Schema = {"title": field.label.of(locale), "x-type": field.type.value, "x-position": position}
    if field.hint is not None:
        about["description"] = field.hint.of(locale)
    return {**about, **_values(field, locale)}


def _values(field: FormField, locale: str) -> Schema:
    match field.type:
        case FieldType.BOOLEAN:
            return {"type": "boolean"}
        case FieldType.INTEGER | FieldType.DECIMAL:
            least, most = bounds(field)
            type_ = "integer" if field.type is FieldType.INTEGER else "number"
            return {"type": type_, "minimum": _number(least), "maximum": _number(most)}
        case FieldType.CHOICE:
            return {"type": "string", "oneOf": _choices(field, locale)}
        case FieldType.CHOICES:
            least_many, most_many = lengths(field)
            return {
                "type": "array",
                "items": {"type": "string", "oneOf": _choices(field, locale)},
                "uniqueItems": True,
                "minItems": least_many,
                "maxItems": most_many,
            }
        case FieldType.TEXT | FieldType.LONG_TEXT:
            return _text(field)
        case _:
            return _shaped(field)


def _choices(field: FormField, locale: str) -> list[Schema]:
    return [{"const": choice.code, "title": choice.label.of(locale)} for choice in field.choices]


def _text(field: FormField) -> Schema:
    least, most = lengths(field)
    forbidden = patterns.FORBIDDEN_IN_LINE if field.type is FieldType.TEXT else patterns.FORBIDDEN_IN_TEXT
    schema: Schema = {"type": "string", "minLength": least, "maxLength": most, "not": {"pattern": forbidden}}
    rules = [patterns.NOT_BLANK] if field.required else []
    if field.limits.mask is not None:
        rules.append(patterns.mask_pattern(field.limits.mask))
        schema["x-mask"] = field.limits.mask
    return {**schema, "allOf": [{"pattern": rule} for rule in rules]} if rules else schema


def _shaped(field: FormField) -> Schema:
    pattern, format_ = _SHAPES[field.type]
    least, most = lengths(field)
    schema: Schema = {
        "type": "string",
        "minLength": least,
        "maxLength": most,
        "pattern": pattern,
        "not": {"pattern": patterns.FORBIDDEN_IN_LINE},
    }
    if format_ is not None:
        schema["format"] = format_
    if field.limits.earliest is not None:
        schema["formatMinimum"] = field.limits.earliest
    if field.limits.latest is not None:
        schema["formatMaximum"] = field.limits.latest
    return schema


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
