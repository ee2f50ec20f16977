import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..recipients.tables import metadata

#: `sequence` is the order's version that the status group is from; places carry the reservation's own.
order_copies = sa.Table(
    "order_copies",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("status_group", sa.Text),
    sa.Column("paid", sa.Boolean, nullable=False),
    sa.Column("facts", JSONB, nullable=False),
    sa.Column("places", JSONB(none_as_null=True)),
    sa.Column("reservation_id", UUID(as_uuid=True)),
    sa.Column("reservation_sequence", sa.BigInteger, nullable=False),
)
