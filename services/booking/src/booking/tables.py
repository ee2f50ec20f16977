"""All tables of the service's database, for its migrations."""

from foyer_chassis.tables import add_chassis_tables

from .reserving import tables as reserving
from .resources.tables import metadata

assert reserving.reservations.metadata is metadata
add_chassis_tables(metadata)

__all__ = ["metadata"]
