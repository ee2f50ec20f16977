"""Forms: what an offering asks of whoever orders it (A3), and whether answers fit."""

from .answers import AnswersInvalidError
from .fields import Choice, FieldType, FormField, Limits, VisibleWhen
from .form import NO_QUESTIONS, Form, FormInvalidError
from .schema import json_schema

__all__ = [
    "NO_QUESTIONS",
    "AnswersInvalidError",
    "Choice",
    "FieldType",
    "Form",
    "FormField",
    "FormInvalidError",
    "Limits",
    "VisibleWhen",
    "json_schema",
]
