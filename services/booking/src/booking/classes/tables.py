import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..resources.tables import metadata

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)

classes = sa.Table(
    "classes",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("group_id", ID, sa.ForeignKey("groups.id"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("starts_at", INSTANT, nullable=False),
    sa.Column("ends_at", INSTANT, nullable=False),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("cancelled", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("location_id", ID, sa.ForeignKey("locations.id")),
    sa.Column("place", sa.Text),
    sa.Column("trainer", sa.Text),
    sa.Column("cancel_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("capacity BETWEEN 1 AND 10000", name="classes_capacity"),
    sa.CheckConstraint("ends_at > starts_at", name="classes_time"),
    sa.CheckConstraint("cancel_minutes >= 0", name="classes_cancel_minutes"),
    sa.Index("classes_by_start", "starts_at", "id"),
)

class_bookings = sa.Table(
    "class_bookings",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("class_id", ID, sa.ForeignKey("classes.id"), nullable=False),
    sa.Column("visitor_id", ID, sa.ForeignKey("visitors.id"), nullable=False),
    sa.Column("pass_id", ID, sa.ForeignKey("passes.id")),
    sa.Column("seat", sa.Integer, nullable=False),
    sa.Column("cancelled_reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    # Whether the class has been moved to another time since it was booked.
    sa.Column("moved", sa.Boolean, nullable=False, server_default=sa.false()),
    # A place in a class is a seat, so that PostgreSQL lets nobody have more of them than there are.
    sa.Index(
        "class_bookings_seat", "class_id", "seat", unique=True, postgresql_where=sa.text("cancelled_reason IS NULL")
    ),
    sa.Index(
        "class_bookings_once",
        "class_id",
        "visitor_id",
        unique=True,
        postgresql_where=sa.text("cancelled_reason IS NULL"),
    ),
    sa.Index("class_bookings_of_pass", "pass_id", postgresql_where=sa.text("cancelled_reason IS NULL")),
)
