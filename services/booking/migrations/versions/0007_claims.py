"""What is taken becomes claims on numbered places: buffers, several equal places, resources made of others, blocks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSTZRANGE, UUID

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)

#: While workers and API of the release before this one still run: what they take, free and move is claimed for them,
#: and refused to them as they know it (no row) where it is taken. Dropped, with `has_claims`, by the next release.
PREVIOUS_RELEASE = (
    """
    CREATE FUNCTION claim_for_previous_release() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.status IN ('active', 'confirmed', 'held') THEN
            INSERT INTO slot_claims (owner, owner_id, occurrence, resource_id, place, blocked)
            VALUES ('reservation', NEW.id, 0, NEW.resource_id, 1, NEW.during)
            ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
            NEW.has_claims := true;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER reservations_of_previous_release BEFORE INSERT ON reservations
    FOR EACH ROW WHEN (NOT NEW.has_claims) EXECUTE FUNCTION claim_for_previous_release()
    """,
    """
    CREATE FUNCTION move_claims_for_previous_release() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.status IN ('expired', 'released') THEN
            DELETE FROM slot_claims WHERE owner_id = NEW.id;
            UPDATE reservations SET has_claims = false WHERE id = NEW.id;
        ELSE
            UPDATE slot_claims SET resource_id = NEW.resource_id, blocked = NEW.during
            WHERE owner_id = NEW.id AND resource_id = OLD.resource_id AND blocked = OLD.during
                -- This release has moved them already. Without buffers, one claim at the old time says that it did not.
                AND (SELECT count(*) FROM slot_claims WHERE owner_id = NEW.id) = 1
                AND EXISTS (
                    SELECT FROM resources
                    WHERE id = NEW.resource_id AND buffer_before_minutes = 0 AND buffer_after_minutes = 0
                );
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER reservations_moved_by_previous_release AFTER UPDATE ON reservations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        NEW.has_claims AND (
            NEW.status IN ('expired', 'released') OR NEW.during <> OLD.during OR NEW.resource_id <> OLD.resource_id
        )
    ) EXECUTE FUNCTION move_claims_for_previous_release()
    """,
)


def upgrade() -> None:
    for name, default in (
        ("buffer_before_minutes", "0"),
        ("buffer_after_minutes", "0"),
        ("offer_minutes", "30"),
        ("capacity", "1"),
    ):
        op.add_column("resources", sa.Column(name, sa.Integer, nullable=False, server_default=default))
    op.create_check_constraint("resources_capacity", "resources", "capacity > 0")
    op.create_table(
        "resource_parts",
        sa.Column("whole_id", ID, sa.ForeignKey("resources.id"), primary_key=True),
        sa.Column("part_id", ID, sa.ForeignKey("resources.id"), primary_key=True),
        sa.CheckConstraint("whole_id <> part_id", name="resource_parts_not_itself"),
    )
    op.create_index("resource_parts_part", "resource_parts", ["part_id"])
    op.create_table(
        "slot_claims",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("owner_id", ID, primary_key=True),
        sa.Column("occurrence", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("resource_id", ID, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("blocked", TSTZRANGE, primary_key=True),
        sa.CheckConstraint("owner IN ('block', 'offer', 'reservation')", name="slot_claims_owner"),
        sa.CheckConstraint("place > 0", name="slot_claims_place"),
        sa.CheckConstraint("NOT isempty(blocked)", name="slot_claims_blocked"),
    )
    op.create_exclude_constraint(
        "slot_claims_no_two_overlap",
        "slot_claims",
        ("resource_id", "="),
        ("blocked", "&&"),
        ("place", "="),
        using="gist",
    )
    op.create_table(
        "resource_blocks",
        sa.Column("id", ID, primary_key=True),
        sa.Column("resource_id", ID, sa.ForeignKey("resources.id"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name="resource_blocks_time"),
    )
    op.create_index("resource_blocks_of_resource", "resource_blocks", ["resource_id", "id"])
    op.add_column("reservations", sa.Column("quantity", sa.Integer, nullable=False, server_default="1"))
    op.create_check_constraint("reservations_quantity", "reservations", "quantity > 0")
    op.create_index("reservations_of_resource", "reservations", ["resource_id", sa.text("lower(during)")])
    op.add_column("reservations", sa.Column("has_claims", sa.Boolean, nullable=False, server_default="false"))
    for statement in PREVIOUS_RELEASE:
        op.execute(statement)
    # Nobody takes a place while what is taken moves over.
    op.execute("LOCK TABLE reservations IN SHARE ROW EXCLUSIVE MODE")
    op.execute(
        "INSERT INTO slot_claims (owner, owner_id, occurrence, resource_id, place, blocked)"
        " SELECT 'reservation', id, 0, resource_id, 1, during FROM reservations"
        " WHERE status IN ('active', 'confirmed', 'held')"
    )
    op.execute("UPDATE reservations SET has_claims = true WHERE status IN ('active', 'confirmed', 'held')")
    op.drop_constraint("reservations_no_two_overlap", "reservations")
