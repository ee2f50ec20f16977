import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, UUID, ExcludeConstraint

metadata = sa.MetaData()

resource_parts = sa.Table(
    "resource_parts",
    metadata,
    sa.Column("whole_id", UUID(as_uuid=True), sa.ForeignKey("resources.id"), primary_key=True),
    sa.Column("part_id", UUID(as_uuid=True), sa.ForeignKey("resources.id"), primary_key=True),
    sa.Index("resource_parts_part", "part_id"),
    sa.CheckConstraint("whole_id <> part_id", name="resource_parts_not_itself"),
)

# A row is a place that somebody has; it goes when it is free again. What was is kept by its owner.
slot_claims = sa.Table(
    "slot_claims",
    metadata,
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("owner_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("occurrence", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("resource_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("blocked", TSTZRANGE, primary_key=True),
    ExcludeConstraint(
        ("resource_id", "="), ("blocked", "&&"), ("place", "="), using="gist", name="slot_claims_no_two_overlap"
    ),
    sa.CheckConstraint("owner IN ('block', 'offer', 'reservation')", name="slot_claims_owner"),
    sa.CheckConstraint("place > 0", name="slot_claims_place"),
    sa.CheckConstraint("NOT isempty(blocked)", name="slot_claims_blocked"),
)
