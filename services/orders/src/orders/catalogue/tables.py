import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

metadata = sa.MetaData()

ID = UUID(as_uuid=True)

categories = sa.Table(
    "categories",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name_ru", sa.Text, nullable=False),
    sa.Column("name_en", sa.Text),
    sa.Column("background", sa.Text),
    sa.Column("icon", sa.Text),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("categories_by_position", "position", "id"),
)

#: Stems of Russian and English words: PostgreSQL's `russian` stems words in Latin letters as English.
_SEARCH = (
    "setweight(to_tsvector('russian'::regconfig, {title}), 'A'::\"char\") || to_tsvector('russian'::regconfig, {words})"
)
#: The catalogue is read far more than it is written: no list of pending entries that every search goes through.
_READY = {"fastupdate": "off"}

offerings = sa.Table(
    "offerings",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    # Written for the release before `terms`, which reads and writes nothing else.
    sa.Column("prepaid", sa.Boolean, nullable=False),
    sa.Column("customer_may_cancel", sa.Boolean, nullable=False),
    sa.Column("responsible_ids", ARRAY(ID), nullable=False),
    sa.Column("resource_ids", ARRAY(ID), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    # None where the release before wrote the row: then as `prepaid` says.
    sa.Column("terms", sa.Text),
    sa.Column("title_en", sa.Text),
    sa.Column("short_text", sa.Text, nullable=False, server_default=""),
    sa.Column("short_text_en", sa.Text),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("description_en", sa.Text),
    sa.Column("cover_url", sa.Text),
    sa.Column("category_id", ID, sa.ForeignKey("categories.id", name="offerings_category")),
    sa.Column("legal_entity_id", ID),
    sa.Column("price_amount", sa.BigInteger),
    sa.Column("price_currency", sa.CHAR(3)),
    sa.Column("price_is_from", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("form", JSONB, nullable=False, server_default="{}"),
    sa.Column("assignee_id", ID),
    sa.Column("respond_within_minutes", sa.Integer),
    sa.Column("complete_within_minutes", sa.Integer),
    sa.Column("auto_close_minutes", sa.Integer),
    sa.Column("cancellation", JSONB, nullable=False, server_default="[]"),
    sa.Column("needs_file", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("needs_confirmation", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("refunds_allowed", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("dialog_before_order", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("location_ids", ARRAY(ID), nullable=False, server_default="{}"),
    sa.Column("membership_type_id", ID),
    sa.Column("permanent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("online_sale", JSONB(none_as_null=True)),
    # What is found by a search, as `store.search` normalises it: titles; titles and all other words.
    sa.Column("search_title", sa.Text, nullable=False, server_default=""),
    sa.Column("search_words", sa.Text, nullable=False, server_default=""),
    sa.Column(
        "search",
        TSVECTOR,
        sa.Computed(_SEARCH.format(title="search_title", words="search_words"), persisted=True),
    ),
    sa.CheckConstraint("(price_amount IS NULL) = (price_currency IS NULL)", name="offerings_price_whole"),
    sa.Index("offerings_search", "search", postgresql_using="gin", postgresql_with=_READY),
    sa.Index(
        "offerings_words",
        "search_words",
        postgresql_using="gin",
        postgresql_with=_READY,
        postgresql_ops={"search_words": "gin_trgm_ops"},
    ),
    sa.Index("offerings_by_title", "search_title", "id"),
    sa.Index("offerings_by_category", "category_id"),
)

#: What each version of an offering was; only ever appended to.
offering_versions = sa.Table(
    "offering_versions",
    metadata,
    sa.Column("offering_id", ID, sa.ForeignKey("offerings.id", name="offering_versions_offering"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("snapshot", JSONB, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

goods_items = sa.Table(
    "goods_items",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("offering_id", ID, sa.ForeignKey("offerings.id", name="goods_items_offering"), nullable=False),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("title_en", sa.Text),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("search_words", sa.Text, nullable=False),
    sa.Column("search", TSVECTOR, sa.Computed("to_tsvector('russian'::regconfig, search_words)", persisted=True)),
    sa.UniqueConstraint("offering_id", "sku", name="goods_items_sku"),
    sa.Index("goods_items_by_offering", "offering_id", "id"),
    # The cheapest item that can be ordered is an offering's least price (B25).
    sa.Index("goods_items_by_price", "offering_id", "price_amount", postgresql_where=sa.text("active")),
    sa.Index("goods_items_search", "search", postgresql_using="gin", postgresql_with=_READY),
    sa.Index(
        "goods_items_words",
        "search_words",
        postgresql_using="gin",
        postgresql_with=_READY,
        postgresql_ops={"search_words": "gin_trgm_ops"},
    ),
)

resource_copies = sa.Table(
    "resource_copies",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("location_name", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("opening_hours", JSONB, nullable=False),
    sa.Column("closed_days", ARRAY(sa.Date), nullable=False),
    sa.Column("slot_minutes", sa.Integer, nullable=False),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    # None until booking has published the resource again.
    sa.Column("location_id", ID),
    sa.Column("special_hours", JSONB, nullable=False, server_default="[]"),
    # `domain.places.SlotRules`, where they differ from its defaults.
    sa.Column("rules", JSONB, nullable=False, server_default="{}"),
    # The cheapest place is the least price of an offering of all of them (B25).
    sa.Index("resource_copies_by_price", "price_amount", postgresql_where=sa.text("active")),
)

location_copies = sa.Table(
    "location_copies",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("opening_hours", JSONB, nullable=False),
    sa.Column("closed_days", ARRAY(sa.Date), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("special_hours", JSONB, nullable=False, server_default="[]"),
)
