"""The whole catalogue: categories, offerings with their versions, goods, locations; the directory of statuses."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)

READY = {"fastupdate": "off"}

REQUESTS = ["request", "premises_request"]
PLACES = ["slot_booking", "coworking", "hotel"]
MEMBERSHIP = ["membership"]
GOODS = ["goods"]
ALL = [*REQUESTS, *PLACES, *GOODS, *MEMBERSHIP]

#: Code, group, kinds, Russian, English, colour.
BUILT_IN = [
    ("new", "new", ALL, "Новый", "New", "#228be6"),
    ("awaiting_payment", "waiting", ALL, "Ожидает оплаты", "Awaiting payment", "#f59f00"),
    ("confirmed", "accepted", PLACES + MEMBERSHIP, "Подтверждён", "Confirmed", "#12b886"),
    ("in_progress", "in_work", REQUESTS, "В работе", "In progress", "#7950f2"),
    ("active", "in_work", PLACES + MEMBERSHIP, "Идёт", "Active", "#7950f2"),
    ("collecting", "in_work", GOODS, "Собирается", "Collecting", "#7950f2"),
    ("awaiting_confirmation", "review", REQUESTS, "Ожидает подтверждения", "Awaiting confirmation", "#e64980"),
    ("ready", "ready", GOODS, "Готов к выдаче", "Ready", "#15aabf"),
    ("done", "done", ALL, "Выполнен", "Done", "#40c057"),
    ("cancelled", "cancelled", ALL, "Отменён", "Cancelled", "#868e96"),
    ("cancelled_refunding", "cancelled", ALL, "Отменён", "Cancelled", "#868e96"),
    ("cancelled_refunded", "cancelled", ALL, "Отменён", "Cancelled", "#868e96"),
    ("removed", "removed", ALL, "Удалён", "Removed", "#adb5bd"),
]


def upgrade() -> None:
    _categories()
    _offerings()
    _offering_versions()
    _goods_items()
    op.add_column("resource_copies", sa.Column("location_id", ID))
    op.create_index("resource_copies_by_price", "resource_copies", ["price_amount"], postgresql_where=sa.text("active"))
    op.create_table(
        "location_copies",
        sa.Column("id", ID, primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("opening_hours", JSONB, nullable=False),
        sa.Column("closed_days", ARRAY(sa.Date), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    _statuses()


def _categories() -> None:
    op.create_table(
        "categories",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name_ru", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text),
        sa.Column("background", sa.Text),
        sa.Column("icon", sa.Text),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("categories_by_position", "categories", ["position", "id"])


def _offerings() -> None:
    columns: list[sa.Column[Any]] = [
        sa.Column("terms", sa.Text),
        sa.Column("title_en", sa.Text),
        sa.Column("short_text", sa.Text, nullable=False, server_default=""),
        sa.Column("short_text_en", sa.Text),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("description_en", sa.Text),
        sa.Column("cover_url", sa.Text),
        sa.Column("category_id", ID),
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
        sa.Column("online_sale", JSONB),
        sa.Column("search_title", sa.Text, nullable=False, server_default=""),
        sa.Column("search_words", sa.Text, nullable=False, server_default=""),
        sa.Column(
            "search",
            TSVECTOR,
            sa.Computed(
                "setweight(to_tsvector('russian'::regconfig, search_title), 'A'::\"char\")"
                " || to_tsvector('russian'::regconfig, search_words)",
                persisted=True,
            ),
        ),
    ]
    for column in columns:
        op.add_column("offerings", column)
    op.create_foreign_key("offerings_category", "offerings", "categories", ["category_id"], ["id"])
    op.create_check_constraint(
        "offerings_price_whole", "offerings", "(price_amount IS NULL) = (price_currency IS NULL)"
    )
    op.execute("""
        UPDATE offerings SET terms = CASE WHEN prepaid THEN 'prepaid' ELSE 'postpaid' END,
            search_title = words, search_words = words
        FROM (
            SELECT id, btrim(regexp_replace(replace(lower(title), 'ё', 'е'), '[^[:alnum:]]+', ' ', 'g')) AS words
            FROM offerings
        ) AS normalised
        WHERE normalised.id = offerings.id
    """)
    op.create_index("offerings_search", "offerings", ["search"], postgresql_using="gin", postgresql_with=READY)
    op.create_index(
        "offerings_words",
        "offerings",
        ["search_words"],
        postgresql_using="gin",
        postgresql_with=READY,
        postgresql_ops={"search_words": "gin_trgm_ops"},
    )
    op.create_index("offerings_by_title", "offerings", ["search_title", "id"])
    op.create_index("offerings_by_category", "offerings", ["category_id"])


def _offering_versions() -> None:
    op.create_table(
        "offering_versions",
        sa.Column(
            "offering_id", ID, sa.ForeignKey("offerings.id", name="offering_versions_offering"), primary_key=True
        ),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("snapshot", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("""
        INSERT INTO offering_versions (offering_id, version, snapshot, created_at)
        SELECT id, version, jsonb_build_object(
            'id', id, 'version', version, 'title', title, 'kind', kind, 'terms', terms,
            'customer_may_cancel', customer_may_cancel, 'responsible_ids', to_jsonb(responsible_ids),
            'resource_ids', to_jsonb(resource_ids), 'active', active
        ), now()
        FROM offerings
    """)


def _goods_items() -> None:
    op.create_table(
        "goods_items",
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
    )
    op.create_index("goods_items_by_offering", "goods_items", ["offering_id", "id"])
    op.create_index(
        "goods_items_by_price",
        "goods_items",
        ["offering_id", "price_amount"],
        postgresql_where=sa.text("active"),
    )
    op.create_index("goods_items_search", "goods_items", ["search"], postgresql_using="gin", postgresql_with=READY)
    op.create_index(
        "goods_items_words",
        "goods_items",
        ["search_words"],
        postgresql_using="gin",
        postgresql_with=READY,
        postgresql_ops={"search_words": "gin_trgm_ops"},
    )


def _statuses() -> None:
    statuses = op.create_table(
        "statuses",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("stands_for", sa.Text, sa.ForeignKey("statuses.code", name="statuses_stands_for"), nullable=False),
        sa.Column("group", sa.Text, nullable=False),
        sa.Column("kinds", ARRAY(sa.Text), nullable=False),
        sa.Column("name_ru", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("colour", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.bulk_insert(
        statuses,
        [
            {
                "code": code,
                "stands_for": code,
                "group": group,
                "kinds": kinds,
                "name_ru": ru,
                "name_en": en,
                "colour": colour,
                "position": 10 * number,
                "active": True,
                "version": 1,
            }
            for number, (code, group, kinds, ru, en, colour) in enumerate(BUILT_IN, 1)
        ],
    )
