"""All tables of the service's database, for its migrations."""

from foyer_chassis.tables import add_chassis_tables

from .accounting.tables import metadata
from .accounts.tables import metadata as accounts
from .advances.tables import metadata as advances
from .balances.tables import metadata as balances
from .cards.tables import metadata as cards
from .closing.tables import metadata as closing
from .disputes.tables import metadata as disputes
from .invoicing.tables import metadata as invoicing
from .looks.tables import metadata as looks
from .order_copies.tables import metadata as order_copies
from .paying.tables import metadata as paying
from .price_lists.tables import metadata as price_lists
from .refund_requests.tables import metadata as refund_requests
from .refunding.tables import metadata as refunding
from .settlements.tables import metadata as settlements

assert accounts is metadata
assert advances is metadata
assert balances is metadata
assert cards is metadata
assert closing is metadata
assert disputes is metadata
assert invoicing is metadata
assert looks is metadata
assert order_copies is metadata
assert price_lists is metadata
assert paying is metadata
assert refund_requests is metadata
assert refunding is metadata
assert settlements is metadata
add_chassis_tables(metadata)

__all__ = ["metadata"]
