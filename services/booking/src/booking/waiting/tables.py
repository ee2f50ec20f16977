import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..resources.tables import metadata
from .domain import LIVE, EntryStatus, OfferStatus

_LIVE = sa.text("status IN ({})".format(", ".join(f"'{status}'" for status in sorted(LIVE))))
_OPEN = sa.text("status = 'open'")
_INSTANT = sa.DateTime(timezone=True)


def _one_of(statuses: type[EntryStatus] | type[OfferStatus]) -> str:
    return "status IN ({})".format(", ".join(f"'{status}'" for status in sorted(statuses)))


waiting_entries = sa.Table(
    "waiting_entries",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("resource_id", UUID(as_uuid=True), sa.ForeignKey("resources.id"), nullable=False),
    sa.Column("starts_at", _INSTANT, nullable=False),
    sa.Column("ends_at", _INSTANT, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Index(
        "waiting_entries_once",
        "applicant_id",
        "resource_id",
        "starts_at",
        "ends_at",
        unique=True,
        postgresql_where=_LIVE,
    ),
    sa.Index("waiting_entries_in_order", "resource_id", "id", postgresql_where=_LIVE),
    sa.Index("waiting_entries_of_applicant", "applicant_id", "id"),
    sa.CheckConstraint("ends_at > starts_at", name="waiting_entries_time"),
    sa.CheckConstraint("quantity > 0", name="waiting_entries_quantity"),
    sa.CheckConstraint(_one_of(EntryStatus), name="waiting_entries_status"),
)

waiting_offers = sa.Table(
    "waiting_offers",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    # Null: nobody waited, the applicant asked for it.
    sa.Column("entry_id", UUID(as_uuid=True), sa.ForeignKey("waiting_entries.id")),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("resource_id", UUID(as_uuid=True), nullable=False),
    sa.Column("starts_at", _INSTANT, nullable=False),
    sa.Column("ends_at", _INSTANT, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("version", sa.Integer, nullable=False),
    # Of one who waits at most one is open; what was offered before is behind it.
    sa.Index("waiting_offers_one_open", "entry_id", unique=True, postgresql_where=_OPEN),
    sa.Index("waiting_offers_of_entry", "entry_id"),
    sa.Index("waiting_offers_due", "expires_at", postgresql_where=_OPEN),
    sa.Index("waiting_offers_open_of_applicant", "applicant_id", "id", postgresql_where=_OPEN),
    sa.CheckConstraint(_one_of(OfferStatus), name="waiting_offers_status"),
)
