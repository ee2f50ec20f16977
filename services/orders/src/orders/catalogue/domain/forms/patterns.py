"""Regular expressions of answers. The server and the JSON Schema for apps use the same ones.

All are of a kind that is matched in linear time, and keep to what Python and ECMA-262 (JSON Schema 2020-12, 6.4)
understand alike. Python's `$` also matches before a last line feed, so a value is first searched for `FORBIDDEN_*`.
"""

import re
from functools import lru_cache

#: Control characters (PostgreSQL stores no NUL) and halves of surrogate pairs (which are no characters).
FORBIDDEN_IN_LINE = r"[\u0000-\u001f\u007f\u2028\u2029\ud800-\udfff]"
FORBIDDEN_IN_TEXT = r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ud800-\udfff]"
#: Something else than spaces.
NOT_BLANK = r"[^ \t\r\n\u00a0\u2000-\u200b\u3000]"

DATE = r"^(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
TIME = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"
DATETIME = (
    DATE.removesuffix("$") + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])$"
)
#: International with a plus, or a Russian number of eleven digits; spaces, brackets and hyphens as people write them.
PHONE = r"^(?:\+[1-9](?:[ ()-]*[0-9]){6,14}|[78](?:[ ()-]*[0-9]){10})$"
#: As browsers check it (HTML Living Standard, 4.10.5.1.5), with a top-level domain.
EMAIL = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])$"
)

_MASKED = {"0": "[0-9]", "A": "[A-Za-zА-Яа-яЁё]", "*": "[0-9A-Za-zА-Яа-яЁё]"}
_LITERAL_IN_BOTH = re.compile(r"[A-Za-z0-9А-Яа-яЁё _:,;#№@%&=<>~\"'`!-]")
LONGEST_MASK = 60


def mask_pattern(mask: str) -> str:
    """The regular expression of a mask (see `Limits.mask`)."""
    return "^" + "".join(_MASKED.get(letter) or _literal(letter) for letter in mask) + "$"


def _literal(letter: str) -> str:
    # Only what both dialects may escape is escaped.
    return letter if _LITERAL_IN_BOTH.match(letter) else f"[{letter}]" if letter not in "\\]^[" else "\\" + letter


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
