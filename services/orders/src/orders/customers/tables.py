import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..catalogue.tables import metadata

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)

#: Everybody who ordered, works here, or was entered by staff. `source`: who says what the row says.
people = sa.Table(
    "people",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False, server_default="identity"),
    sa.Column("company", JSONB(none_as_null=True)),
    sa.Column("discount_group_id", ID, sa.ForeignKey("discount_groups.id", name="people_discount_group")),
    sa.Column("erased_at", INSTANT),
    sa.Column("search", sa.Text, sa.Computed("lower(name || ' ' || coalesce(email, ''))", persisted=True)),
    sa.Column(
        "phone_digits", sa.Text, sa.Computed("regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g')", persisted=True)
    ),
    sa.Index("people_search", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}),
    sa.Index("people_by_phone", "phone_digits", postgresql_where=sa.text("phone_digits <> ''")),
    # A phone is looked up without the country's code, which people write as +7 or as 8.
    sa.Index(
        "people_by_phone_tail", sa.text("right(phone_digits, 10)"), postgresql_where=sa.text("phone_digits <> ''")
    ),
    sa.Index("people_by_group", "discount_group_id", postgresql_where=sa.text("discount_group_id IS NOT NULL")),
)

discount_groups = sa.Table(
    "discount_groups",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
)

#: Addresses that a customer orders for (B28).
premises = sa.Table(
    "premises",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("customer_id", ID, sa.ForeignKey("people.id", name="premises_customer"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("location_id", ID),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("premises_by_customer", "customer_id", "id"),
)
