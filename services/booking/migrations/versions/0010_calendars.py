"""Calendar feeds, things whose busy times are public, numbers of orders; bookings of a thing in order of time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("thing_id", ID),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("subject IN ('mine', 'resource', 'space', 'room_type')", name="calendar_feeds_subject"),
        sa.CheckConstraint("(subject = 'mine') = (thing_id IS NULL)", name="calendar_feeds_thing"),
    )
    op.create_index("calendar_feeds_of_owner", "calendar_feeds", ["owner_id", "id"])
    op.create_index(
        "calendar_feeds_of_thing",
        "calendar_feeds",
        ["thing_id", "id"],
        postgresql_where=sa.text("thing_id IS NOT NULL"),
    )
    op.create_table("calendar_open_things", sa.Column("thing_id", ID, primary_key=True))
    op.create_table(
        "calendar_orders",
        sa.Column("order_id", ID, primary_key=True),
        sa.Column("number", sa.BigInteger),
        sa.Column("applicant_id", ID, nullable=False),
    )
    # Orders that are here already: whose they are is known, their numbers are not.
    op.execute(
        "INSERT INTO calendar_orders (order_id, applicant_id)"
        " SELECT order_id, applicant_id FROM order_copies WHERE applicant_id IS NOT NULL"
    )
    op.create_index("calendar_orders_of_applicant", "calendar_orders", ["applicant_id", "order_id"])
    op.create_index("class_bookings_of_visitor", "class_bookings", ["visitor_id"])
