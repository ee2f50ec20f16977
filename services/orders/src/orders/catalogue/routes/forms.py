"""A form as requests and answers carry it."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints, model_validator

from ..domain import Form, FormField
from ..domain.forms import Choice, FieldType, Limits, VisibleWhen
from ..domain.texts import CODE_PATTERN
from .shapes import Line, TextIn

Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Number = StrictInt | Annotated[float, Field(allow_inf_nan=False)]


class ChoiceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Code
    label: TextIn


class LimitsIn(BaseModel):
    """What an answer must keep; which limits a field can have depends on its type."""

    model_config = ConfigDict(extra="forbid")

    minimum: Number | None = Field(default=None, description="integer, decimal: the least allowed")
    maximum: Number | None = Field(default=None, description="integer, decimal: the greatest allowed")
    earliest: Line | None = Field(default=None, description="date, time: the first allowed")
    latest: Line | None = Field(default=None, description="date, time: the last allowed")
    min_length: int | None = Field(default=None, ge=0, le=10_000, description="characters; how many `choices`")
    max_length: int | None = Field(default=None, ge=0, le=10_000)
    mask: Line | None = Field(
        default=None,
        description="text: `0` a digit, `A` a letter, `*` either, anything else itself; e.g. `A000AA 000`",
    )

    def to_limits(self) -> Limits:
        return Limits(
            minimum=_decimal(self.minimum),
            maximum=_decimal(self.maximum),
            earliest=self.earliest,
            latest=self.latest,
            min_length=self.min_length,
            max_length=self.max_length,
            mask=self.mask,
        )

    @classmethod
    def of(cls, limits: Limits) -> Self:
        return cls(
            minimum=_number(limits.minimum),
            maximum=_number(limits.maximum),
            earliest=limits.earliest,
            latest=limits.latest,
            min_length=limits.min_length,
            max_length=limits.max_length,
            mask=limits.mask,
        )


def _decimal(number: int | float | None) -> Decimal | None:
    # As it was written: 0.1 and not the double next to it.
    return None if number is None else Decimal(repr(number))


def _number(number: Decimal | None) -> int | float | None:
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)


class VisibleWhenIn(BaseModel):
    """The field is shown while `field` is answered with `equals`, or with one of `in`."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True, populate_by_name=True)

    field: Code
    equals: StrictBool | Code | None = None
    one_of: list[StrictBool | Code] | None = Field(default=None, alias="in", min_length=1, max_length=200)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.equals is None) == (self.one_of is None):
            raise ValueError("either equals or in")
        return self

    def to_condition(self) -> VisibleWhen:
        return VisibleWhen(self.field, tuple(self.one_of) if self.equals is None else (self.equals,))  # type: ignore[arg-type]

    @classmethod
    def of(cls, condition: VisibleWhen) -> Self:
        if len(condition.values) == 1:
            return cls(field=condition.field, equals=condition.values[0])
        return cls(field=condition.field, one_of=list(condition.values))


class FieldIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Code
    type: FieldType
    label: TextIn
    hint: TextIn | None = None
    required: bool = Field(default=False, description="while it is shown")
    choices: list[ChoiceIn] = Field(default=[], max_length=200)
    limits: LimitsIn = LimitsIn()
    visible_when: VisibleWhenIn | None = None


class FormIn(BaseModel):
    """What is asked of whoever orders, in this order."""

    model_config = ConfigDict(extra="forbid")

    fields: list[FieldIn] = Field(default=[], max_length=60)

    def to_form(self) -> Form:
        return Form(
            tuple(
                FormField(
                    code=field.code,
                    type=field.type,
                    label=field.label.to_text(),
                    hint=field.hint.to_text() if field.hint else None,
                    required=field.required,
                    choices=tuple(Choice(choice.code, choice.label.to_text()) for choice in field.choices),
                    limits=field.limits.to_limits(),
                    visible_when=field.visible_when.to_condition() if field.visible_when else None,
                )
                for field in self.fields
            )
        )

    @classmethod
    def of(cls, form: Form) -> Self:
        return cls(
            fields=[
                FieldIn(
                    code=field.code,
                    type=field.type,
                    label=TextIn.of(field.label),
                    hint=TextIn.of(field.hint) if field.hint else None,
                    required=field.required,
                    choices=[ChoiceIn(code=choice.code, label=TextIn.of(choice.label)) for choice in field.choices],
                    limits=LimitsIn.of(field.limits),
                    visible_when=VisibleWhenIn.of(field.visible_when) if field.visible_when else None,
                )
                for field in form.fields
            ]
        )
