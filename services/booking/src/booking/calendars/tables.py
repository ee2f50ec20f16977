import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..classes.tables import class_bookings
from ..resources.tables import metadata

ID = UUID(as_uuid=True)

feeds = sa.Table(
    "calendar_feeds",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("owner_id", ID, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("thing_id", ID),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("token_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("subject IN ('mine', 'resource', 'space', 'room_type')", name="calendar_feeds_subject"),
    sa.CheckConstraint("(subject = 'mine') = (thing_id IS NULL)", name="calendar_feeds_thing"),
    sa.Index("calendar_feeds_of_owner", "owner_id", "id"),
    sa.Index("calendar_feeds_of_thing", "thing_id", "id", postgresql_where=sa.text("thing_id IS NOT NULL")),
)

#: Things whose free and busy times everybody may see.
open_things = sa.Table(
    "calendar_open_things",
    metadata,
    sa.Column("thing_id", ID, primary_key=True),
)

#: Numbers of orders, as people call them, and whose they are.
order_numbers = sa.Table(
    "calendar_orders",
    metadata,
    sa.Column("order_id", ID, primary_key=True),
    sa.Column("number", sa.BigInteger),
    sa.Column("applicant_id", ID, nullable=False),
    sa.Index("calendar_orders_of_applicant", "applicant_id", "order_id"),
)

sa.Index("class_bookings_of_visitor", class_bookings.c.visitor_id)
