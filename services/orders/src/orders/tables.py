"""All tables of the service's database, for its migrations."""

from foyer_chassis.tables import add_chassis_tables

from .attachments import tables as attachments
from .catalogue import tables as catalogue
from .customers import tables as customers
from .drafts import tables as drafts
from .listing import tables as listing
from .ordering import tables as ordering
from .processing import tables as processing
from .releasing import tables as releasing
from .statuses import tables as statuses
from .storefront import tables as storefront

metadata = catalogue.metadata
for feature in (customers.people, drafts.drafts, listing.saved_views, ordering.orders, processing.order_comments):
    assert feature.metadata is metadata
assert attachments.order_files.metadata is metadata
assert storefront.storefront_orders.metadata is metadata
assert releasing.release_rules.metadata is metadata
assert statuses.statuses.metadata is metadata
add_chassis_tables(metadata)
