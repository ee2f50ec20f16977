"""The fields of a form as they are stored."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ..texts import Text


class FieldType(StrEnum):
    """What a field takes. `text` is one line; `choices` is a list of codes without repeats; `datetime` is an instant
    with its offset, `date` and `time` are local."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    CHOICE = "choice"
    CHOICES = "choices"
    PHONE = "phone"
    EMAIL = "email"


#: Types of which `VisibleWhen` can ask: their answers are one of a few.
DECIDING = frozenset({FieldType.BOOLEAN, FieldType.CHOICE, FieldType.CHOICES})
WITH_CHOICES = frozenset({FieldType.CHOICE, FieldType.CHOICES})

#: Characters of an answer where the field sets no limit.
LONGEST_TEXT = 500
LONGEST_LONG_TEXT = 10_000
LONGEST_EMAIL = 254
LONGEST_PHONE = 40
#: Beyond it JSON numbers are not exact (RFC 8259, 6).
GREATEST_NUMBER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Choice:
    code: str
    label: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an answer must keep.

    Attributes:
        minimum, maximum: of an integer or a decimal, both included.
        earliest, latest: of a date (2027-01-31) or a time (09:30), both included.
        min_length, max_length: characters of a text, how many of `choices`.
        mask: of a text, character by character: `0` a digit, `A` a letter, `*` either, anything else itself.
            It takes the place of regular expressions, whose cost nobody could bound.
    """

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    earliest: str | None = None
    latest: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    mask: str | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class VisibleWhen:
    """The field is shown when another one is answered with one of `values`; of `choices`, when any of them is chosen.

    A field that is not shown must not be answered, so an app forgets its answer when it hides the field.
    """

    field: str
    values: tuple[str | bool, ...]

    def holds(self, answer: object) -> bool:
        if isinstance(answer, list):
            return any(item in self.values for item in answer if isinstance(item, str))
        # True == 1 in Python, but not in JSON.
        return any(type(answer) is type(value) and answer == value for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    code: str
    type: FieldType
    label: Text
    hint: Text | None = None
    required: bool = False
    choices: tuple[Choice, ...] = ()
    limits: Limits = NO_LIMITS
    visible_when: VisibleWhen | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """What can be chosen."""
        return tuple(choice.code for choice in self.choices)
