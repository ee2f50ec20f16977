"""All tables of the service's database, for its migrations."""

from foyer_chassis.tables import add_chassis_tables

from .catalogue import tables as catalogue
from .customers import tables as customers
from .ordering import tables as ordering
from .statuses import tables as statuses

metadata = catalogue.metadata
assert customers.people.metadata is metadata
assert ordering.orders.metadata is metadata
assert statuses.statuses.metadata is metadata
add_chassis_tables(metadata)
