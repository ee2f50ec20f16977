"""One running system for all end-to-end tests: real processes, servers of its own, the gateway in front."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from foyer_tools.layout import Profile
from foyer_tools.places import apart
from foyer_tools.supervise import System, running
from foyer_tools.world import World, world

from .logs import leaked_in

#: Waits short enough for a test; what they mean stays the same.
ENVIRONMENT = {
    "*": {"FOYER_RETRY_DELAYS_SECONDS": "[0.5, 1, 2, 5, 10, 20, 30]"},
    "booking": {"FOYER_CLOCK_SECONDS": "0.2"},
    "payments": {"FOYER_PROVIDER_TIMEOUT_SECONDS": "3", "FOYER_LEASE_SECONDS": "7"},
    "notifications": {"FOYER_SEND_TIMEOUT_SECONDS": "3", "FOYER_LEASE_SECONDS": "7"},
}


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    limits = {"CALLER_PER_SECOND": 1000, "CALLER_BURST": 2000}
    # These tests restart their servers, beside which others run.
    os.environ["FOYER_STATE_DIR"] = str(apart())
    with running(Profile("e2e", fresh=True, environment=ENVIRONMENT, limits=limits)) as started:
        yield started
        assert leaked_in(started) == []


@pytest.fixture
async def people(system: System) -> AsyncIterator[World]:
    async with world(system) as made:
        yield made
