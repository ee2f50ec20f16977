"""Finding offerings by words (B25): by their stems, and where nothing has those, by how alike they are written."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money

from . import words

#: Least likeness (0–1, pg_trgm) of a misspelt word to one of the catalogue. One wrong letter within a word of five
#: leaves 0.34; pg_trgm's own default of 0.6 forgives one in ten.
LEAST_LIKENESS = 0.33
#: Of the likeness of the best match, what others must have.
LEAST_OF_BEST = 0.7
#: Rows of one table that are compared: a misspelt word that a large catalogue is full of finds enough of them.
MOST_ALIKE = 2000
#: Shorter words are like too many others.
LEAST_LETTERS = 4

_FILTERS = """
    (o.active OR :inactive_too)
    AND (CAST(:category AS uuid) IS NULL OR o.category_id = :category)
    AND (CAST(:kind AS text) IS NULL OR o.kind = :kind)
    AND (CAST(:owner AS uuid) IS NULL OR o.legal_entity_id = :owner)
    AND (CAST(:location AS uuid) IS NULL OR o.location_ids = '{}' OR CAST(:location AS uuid) = ANY (o.location_ids))
"""
_FOUND = """
    SELECT o.id, o.kind, o.title, o.title_en, o.short_text, o.short_text_en, o.cover_url, o.category_id,
        o.legal_entity_id, o.terms, o.active, page.rank,
        coalesce(items.price_amount, o.price_amount, places.price_amount) AS price_amount,
        coalesce(items.price_currency, o.price_currency, places.price_currency) AS price_currency,
        items.price_amount IS NOT NULL OR o.price_is_from OR o.price_amount IS NULL AS price_is_from
    FROM page
    JOIN offerings o ON o.id = page.id
    LEFT JOIN LATERAL (
        SELECT i.price_amount, i.price_currency FROM goods_items i
        WHERE o.kind = 'goods' AND i.offering_id = o.id AND i.active
        ORDER BY i.price_amount LIMIT 1
    ) AS items ON true
    LEFT JOIN LATERAL (
        (
            SELECT r.price_amount, r.price_currency FROM resource_copies r
            WHERE o.kind = 'slot_booking' AND o.resource_ids = '{}' AND r.active
            ORDER BY r.price_amount LIMIT 1
        ) UNION ALL (
            SELECT r.price_amount, r.price_currency FROM resource_copies r
            WHERE o.kind = 'slot_booking' AND r.id = ANY (o.resource_ids) AND r.active
            ORDER BY r.price_amount LIMIT 1
        )
    ) AS places ON true
"""
# Within one title's name the shorter text wins; an offering whose goods alone have the words comes after those
# that have them themselves.
_BY_STEMS = sa.text(f"""
    WITH page AS (
        SELECT id, max(rank) AS rank FROM (
            SELECT o.id, round((1 + ts_rank(o.search, to_tsquery('russian', :query), 1))::numeric, 6) AS rank
            FROM offerings o WHERE o.search @@ to_tsquery('russian', :query) AND {_FILTERS}
            UNION ALL
            SELECT o.id, 0.5 FROM offerings o
            WHERE o.kind = 'goods' AND {_FILTERS} AND o.id IN (
                SELECT i.offering_id FROM goods_items i WHERE i.active AND i.search @@ to_tsquery('russian', :query)
            )
        ) AS hits
        GROUP BY id
        HAVING CAST(:after_rank AS numeric) IS NULL OR (max(rank), id) < (CAST(:after_rank AS numeric), :after)
        ORDER BY rank DESC, id DESC LIMIT :limit
    ) {_FOUND} ORDER BY page.rank DESC, o.id DESC
""")  # noqa: S608
# The two longest words go through the index, all are looked at in what it finds. What is much less alike than the best
# is left out; among the rest those that are alike in their name come first.
_LIKENESS = """
    SELECT avg(alike) AS likeness, min(alike) AS least
    FROM (SELECT word_similarity(word, {text}) AS alike FROM unnest(CAST(:words AS text[])) AS word OFFSET 0) AS each
"""
_BY_LIKENESS = sa.text(f"""
    WITH alike AS (
        SELECT found.id, words.likeness, words.likeness + title.likeness AS rank
        FROM (
            SELECT o.id, o.search_title, o.search_words FROM offerings o
            WHERE CAST(:longest AS text) <% o.search_words AND CAST(:second AS text) <% o.search_words AND {_FILTERS}
            LIMIT {MOST_ALIKE}
        ) AS found,
        LATERAL ({_LIKENESS.format(text="found.search_words")}) AS words,
        LATERAL ({_LIKENESS.format(text="found.search_title")}) AS title
        WHERE words.least >= {LEAST_LIKENESS}
        UNION ALL
        SELECT o.id, items.likeness, items.likeness / 2 FROM offerings o JOIN (
            SELECT found.offering_id, max(words.likeness) AS likeness
            FROM (
                SELECT i.offering_id, i.search_words FROM goods_items i
                WHERE i.active AND CAST(:longest AS text) <% i.search_words
                    AND CAST(:second AS text) <% i.search_words
                LIMIT {MOST_ALIKE}
            ) AS found,
            LATERAL ({_LIKENESS.format(text="found.search_words")}) AS words
            WHERE words.least >= {LEAST_LIKENESS}
            GROUP BY found.offering_id
        ) AS items ON items.offering_id = o.id
        WHERE o.kind = 'goods' AND {_FILTERS}
    ), page AS (
        SELECT id, round(max(rank)::numeric, 6) AS rank
        FROM alike WHERE likeness >= {LEAST_OF_BEST} * (SELECT max(likeness) FROM alike)
        GROUP BY id
        HAVING CAST(:after_rank AS numeric) IS NULL
            OR (round(max(rank)::numeric, 6), id) < (CAST(:after_rank AS numeric), :after)
        ORDER BY rank DESC, id DESC LIMIT :limit
    ) {_FOUND} ORDER BY page.rank DESC, o.id DESC
""")  # noqa: S608
_BY_TITLE = sa.text(f"""
    WITH page AS (
        SELECT o.id, 0 AS rank, o.search_title FROM offerings o
        WHERE {_FILTERS} AND (
            CAST(:after AS uuid) IS NULL
            OR (o.search_title, o.id) > (SELECT a.search_title, a.id FROM offerings a WHERE a.id = :after)
        )
        ORDER BY o.search_title, o.id LIMIT :limit
    ) {_FOUND} ORDER BY page.search_title, o.id
""")  # noqa: S608
_FORGIVE = sa.text(f"SELECT set_config('pg_trgm.word_similarity_threshold', '{LEAST_LIKENESS}', true)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; None: any. `owner` is the legal entity that offers it."""

    text: str | None = None
    category_id: UUID | None = None
    kind: str | None = None
    location_id: UUID | None = None
    owner_id: UUID | None = None
    inactive_too: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended. `by`: `title`, `stems` or `likeness`, how it was found; `rank` is a decimal number."""

    by: str
    rank: str
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An offering in a list. `min_price`: of the cheapest goods or place, where the offering has no price."""

    id: UUID
    kind: str
    title: str
    title_en: str | None
    short_text: str
    short_text_en: str | None
    cover_url: str | None
    category_id: UUID | None
    legal_entity_id: UUID | None
    active: bool
    min_price: Money | None
    price_is_from: bool
    cursor: Cursor


async def search_offerings(
    transaction: Transaction, wanted: Wanted, *, after: Cursor | None, limit: int
) -> list[Found]:
    """The best matches first; without a text by title.

    Needs a real transaction, for a setting that lasts as long as it does.
    """
    parameters: dict[str, Any] = {
        "category": wanted.category_id,
        "kind": wanted.kind,
        "location": wanted.location_id,
        "owner": wanted.owner_id,
        "inactive_too": wanted.inactive_too,
        "limit": limit,
        "after": after.id if after else None,
    }
    if wanted.text is None:
        return await _found(transaction, "title", parameters)
    query = words.query(wanted.text)
    if query is None:
        return []
    parameters |= {"query": query, "after_rank": after.rank if after else None}
    if after is None or after.by == "stems":
        found = await _found(transaction, "stems", parameters)
        if found or after is not None:
            return found
    long_words = [word for word in words.split(wanted.text) if len(word) >= LEAST_LETTERS]
    if not long_words:
        return []
    longest, *others = sorted(long_words, key=len, reverse=True)
    parameters |= {"words": long_words, "longest": longest, "second": others[0] if others else longest}
    await transaction.execute(_FORGIVE)
    return await _found(transaction, "likeness", parameters)


_STATEMENTS = {"title": _BY_TITLE, "stems": _BY_STEMS, "likeness": _BY_LIKENESS}


async def _found(transaction: Transaction, by: str, parameters: dict[str, Any]) -> list[Found]:
    statement = _STATEMENTS[by]
    names = statement.compile().params
    rows = await transaction.all(statement, {name: parameters[name] for name in names})
    return [
        Found(
            id=row["id"],
            kind=row["kind"],
            title=row["title"],
            title_en=row["title_en"],
            short_text=row["short_text"],
            short_text_en=row["short_text_en"],
            cover_url=row["cover_url"],
            category_id=row["category_id"],
            legal_entity_id=row["legal_entity_id"],
            active=row["active"],
            min_price=_price(row),
            price_is_from=row["price_is_from"] and row["price_amount"] is not None,
            cursor=Cursor(by, str(row["rank"]), row["id"]),
        )
        for row in rows
    ]


def _price(row: sa.RowMapping) -> Money | None:
    if row["price_amount"] is None:
        return None
    return Money(amount=row["price_amount"], currency=row["price_currency"])
