from booking.tables import metadata
from foyer_chassis.migrations import run

run(metadata)
