"""The words of orders' texts: which of them have what somebody types, and which no order has any more."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction

from ...ordering.tables import NUMBER_OF_TEXT, WORDS_OF_TEXT
from ..domain import NUMBER_DIGITS, SHORTEST_WORD, Words

#: A word that is in more of them than this is in so many orders that it is not looked up.
MOST_FORMS = 500
#: Numbers that have some digits in them, each of one order.
MOST_NUMBERS = 500

#: After every word that begins alike, in the order of the vocabulary, which is that of code points.
_LAST = "\U0010ffff"
_NUMBER = NUMBER_OF_TEXT.format("s.")
_FORMS = "(SELECT {position} AS position, word, NULL::uuid AS id FROM search_vocabulary WHERE {like} LIMIT {most})"
_NUMBERS = "(SELECT {position}, NULL, order_id FROM order_search s WHERE {like} LIMIT {most})"
_HAVE_IT = f'{WORDS_OF_TEXT.format("s.")} && ARRAY[v.word COLLATE "default"]'
_NOBODYS = f"NOT EXISTS (SELECT FROM order_search s WHERE {_HAVE_IT})"
_NEXT = sa.text(
    f"SELECT word, {_NOBODYS} AS is_nobodys"  # noqa: S608 (text of ours)
    " FROM (SELECT word FROM search_vocabulary WHERE word > :after ORDER BY word LIMIT :most) AS v ORDER BY word"
)
#: Who brings words waits behind who waits for this lock.
_NOT_LONG = sa.text("SET LOCAL lock_timeout = '1s'")
_LOCK = sa.text("LOCK TABLE search_vocabulary IN SHARE ROW EXCLUSIVE MODE")
_FORGET = sa.text(f"DELETE FROM search_vocabulary AS v WHERE word = ANY(:words) AND {_NOBODYS}")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Known:
    """A word that is searched for, and where it is; neither: so often that it is not looked up.

    Attributes:
        forms: all words of texts that have it in them.
        ids: the orders that have it in their number.
    """

    word: str
    forms: tuple[str, ...] | None
    ids: tuple[UUID, ...] | None = ()

    @property
    def is_nowhere(self) -> bool:
        return self.forms == () == self.ids


async def known(direct: Direct, words: Words) -> list[Known]:
    """The words, with where they are."""
    parts, arguments = [], list[str]()
    for position, word in enumerate(words.words):
        if len(word) < SHORTEST_WORD:
            arguments += [word, word + _LAST]
            like = f"word >= ${len(arguments) - 1} AND word < ${len(arguments)}"
        else:
            arguments.append(f"%{escaped(word)}%")
            like = f"word LIKE ${len(arguments)}"
        parts.append(_FORMS.format(position=position, like=like, most=MOST_FORMS + 1))
        if _is_of_number(word):
            like = f"{_NUMBER} LIKE ${len(arguments)}"
            parts.append(_NUMBERS.format(position=position, like=like, most=MOST_NUMBERS + 1))
    forms: list[list[str]] = [[] for _ in words.words]
    ids: list[list[UUID]] = [[] for _ in words.words]
    sql = f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS found"  # noqa: S608 (text of ours)
    for row in await direct.rows(sql, *arguments):
        if row["id"] is None:
            forms[row["position"]].append(row["word"])
        else:
            ids[row["position"]].append(row["id"])
    return [_known(*found) for found in zip(words.words, forms, ids, strict=True)]


def _known(word: str, forms: list[str], ids: list[UUID]) -> Known:
    if len(forms) > MOST_FORMS or len(ids) > MOST_NUMBERS:
        return Known(word, None, None)
    # Few digits may be the whole number of an order.
    whole = [word] if word.isdecimal() and not _is_of_number(word) else []
    return Known(word, (*forms, *whole), tuple(ids))


def _is_of_number(word: str) -> bool:
    return len(word) >= NUMBER_DIGITS and word.isdecimal()


def escaped(word: str) -> str:
    """As it is in a pattern of LIKE."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def forget_nobodys(transaction: Transaction, after: str, *, most: int) -> str | None:
    """Of the next words after one, forget those that no order has; the last one that was looked at, None: no more.

    Who brings a word that is there does not write it, and so is waited for with a lock on the table, which nothing else
    here waits for, and which is only taken when there is something to forget.

    Raises:
        DBAPIError of asyncpg's LockNotAvailableError: others are busy with the words for long.
    """
    rows = await transaction.all(_NEXT, {"after": after, "most": most})
    if nobodys := [row["word"] for row in rows if row["is_nobodys"]]:
        await transaction.execute(_NOT_LONG)
        await transaction.execute(_LOCK)
        await transaction.execute(_FORGET, {"words": nobodys})
    return rows[-1]["word"] if len(rows) == most else None
