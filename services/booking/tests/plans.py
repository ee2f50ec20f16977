"""What PostgreSQL does for the queries that a service sends, by its own plans."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from foyer_chassis.testing import Running


@dataclass
class Plan:
    """Attributes:
    scanned: the tables it went through whole.
    pages: of 8 KiB that it touched.
    milliseconds: in the database.
    """

    sql: str
    scanned: set[str]
    indexes: set[str]
    pages: int
    milliseconds: float
    text: str

    @classmethod
    def of(cls, sql: str, explained: Any) -> "Plan":
        whole = (json.loads(explained) if isinstance(explained, str) else explained)[0]
        plan = whole["Plan"]
        nodes = list(_nodes(plan))
        return cls(
            sql=sql,
            scanned={node["Relation Name"] for node in nodes if "Seq Scan" in node["Node Type"]},
            indexes={node["Index Name"] for node in nodes if "Index Name" in node},
            pages=plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0),
            milliseconds=whole["Execution Time"],
            text=json.dumps(plan, indent=1),
        )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


async def plans(service: Running, call: Callable[[], Awaitable[Any]]) -> list[Plan]:
    """The plans of the queries that a call sends."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            sent.append((sql, parameters))

    engine = service.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        await call()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert sent
    found = []
    async with service.database.read() as reading:
        direct = await reading.direct()
        for sql, parameters in sent:
            row = await direct.row(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *parameters)
            assert row is not None
            found.append(Plan.of(sql, row[0]))
    return found


async def analyse(service: Running, *tables: str) -> None:
    async with service.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("VACUUM ANALYZE " + ", ".join(tables)))
