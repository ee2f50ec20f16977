from chat.tables import metadata
from foyer_chassis.migrations import run

run(metadata)
