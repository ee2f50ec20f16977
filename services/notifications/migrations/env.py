from foyer_chassis.migrations import run
from notifications.tables import metadata

run(metadata)
