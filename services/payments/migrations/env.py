from foyer_chassis.migrations import run
from payments.tables import metadata

run(metadata)
