import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..recipients.tables import metadata

telegram_chats = sa.Table(
    "telegram_chats",
    metadata,
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("chat_id", sa.BigInteger, nullable=False),
    sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("chat_id", name="telegram_chats_chat"),
)

#: Links that were handed out and not yet followed, the newest of each person.
telegram_links = sa.Table(
    "telegram_links",
    metadata,
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("token_hash", sa.Text, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("token_hash", name="telegram_links_token"),
)
