from foyer_chassis.migrations import run
from orders.tables import metadata

run(metadata)
