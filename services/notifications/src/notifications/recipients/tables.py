import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

metadata = sa.MetaData()

#: `profile_sequence` and `contact_sequence` are the customer's version that name and locale, email and phone are from.
recipients = sa.Table(
    "recipients",
    metadata,
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("profile_sequence", sa.BigInteger, nullable=False),
    sa.Column("contact_sequence", sa.BigInteger, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False, server_default="{}"),
)

#: `token` is FCM's, or the endpoint of a browser, which has keys too.
devices = sa.Table(
    "devices",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("person_id", UUID(as_uuid=True), nullable=False),
    sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="fcm"),
    sa.Column("p256dh", sa.Text),
    sa.Column("auth", sa.Text),
    sa.Index("devices_person_id", "person_id", "registered_at"),
)
