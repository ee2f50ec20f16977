"""What an earlier release stored is counted as if it had always been."""

import asyncio
from uuid import uuid4

import asyncpg
from alembic import command
from chat.service import SERVICE
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases

CONVERSATION = "SELECT * FROM conversations"


async def test_counts_and_marks_of_what_is_there(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    config = alembic_config(SERVICE.folder, url)
    connection = await asyncpg.connect(url)
    try:
        # From nothing to the first release, as it was.
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await asyncio.to_thread(command.upgrade, config, "0001")
        conversation, applicant, staff = uuid4(), uuid4(), uuid4()
        await connection.execute(
            "INSERT INTO conversations (id, order_id, applicant_id, last_position, created_at, version) "
            "VALUES ($1, $2, $3, 6, now(), 7)",
            conversation, uuid4(), applicant,
        )  # fmt: skip
        authors = [("public", "customer"), ("public", "staff"), ("internal", "staff"), ("public", "customer"),
                   ("public", "system"), ("public", "staff")]  # fmt: skip
        for position, (thread, kind) in enumerate(authors, 1):
            await connection.execute(
                "INSERT INTO messages (conversation_id, position, id, thread, author_kind, text, facts, created_at) "
                "VALUES ($1, $2, $3, $4, $5, 'x', '{}', now())",
                conversation, position, uuid4(), thread, kind,
            )  # fmt: skip
        for person, thread, position in ((applicant, "public", 2), (staff, "public", 5), (staff, "internal", 6)):
            await connection.execute(
                "INSERT INTO reads VALUES ($1, $2, $3, $4)", conversation, person, thread, position
            )
        await asyncio.to_thread(command.upgrade, config, "head")
        row = dict(await connection.fetchrow(CONVERSATION))
        counts = [record["count"] for record in await connection.fetch("SELECT count FROM messages ORDER BY position")]
    finally:
        await connection.close()
        await databases.drop(url)
    assert counts == [1, 1, 1, 2, 1, 2]
    names = ("public_customer", "public_staff", "public_system", "internal_staff", "internal_system")
    assert [row[name] for name in names] == [2, 2, 1, 1, 0]
    marks = ("customer_read", "customer_seen", "staff_read", "staff_seen")
    assert [row[name] for name in marks] == [2, 1, 5, 2]
