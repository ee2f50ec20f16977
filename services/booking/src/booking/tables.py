"""All tables of the service's database, for its migrations."""

from foyer_chassis.tables import add_chassis_tables

from .blocking import tables as blocking
from .calendars import tables as calendars
from .claiming import tables as claiming
from .classes import tables as classes
from .coworking import tables as coworking
from .hotel import tables as hotel
from .lodging import tables as lodging
from .memberships import tables as memberships
from .reserving import tables as reserving
from .resources.tables import metadata
from .visitors import tables as visitors
from .waiting import tables as waiting

for table in (
    claiming.slot_claims,
    reserving.reservations,
    blocking.resource_blocks,
    waiting.waiting_entries,
    visitors.visitors,
    memberships.passes,
    classes.classes,
    lodging.lodgings,
    coworking.tariffs,
    hotel.rates,
    calendars.feeds,
):
    assert table.metadata is metadata
add_chassis_tables(metadata)

__all__ = ["metadata"]
