"""A second checkout beside the one that runs the tests: own servers, own ports, own data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from foyer_tools.places import checkout_id
from foyer_tools.servers import Servers

GIVEN = ("FOYER_POSTGRES_URL", "FOYER_AMQP_URL", "FOYER_RABBITMQ_MANAGEMENT_URL", "FOYER_STATE_DIR")


@pytest.fixture(scope="module")
def second_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers of a checkout of its own, started from nothing; ended and removed afterwards."""
    kept = {name: os.environ.pop(name) for name in GIVEN if name in os.environ}
    folder = tmp_path_factory.mktemp("checkout") / ".foyer"
    os.environ["FOYER_STATE_DIR"] = str(folder)
    outside = Path("/var/tmp") / f"foyer-{checkout_id()}"
    servers = Servers()
    try:
        servers.start()
        yield servers
    finally:
        servers.rabbitmq.stop(immediate=True)  # its data is thrown away
        servers.postgres.stop(immediate=True)
        servers.release()
        shutil.rmtree(outside, ignore_errors=True)
        del os.environ["FOYER_STATE_DIR"]
        os.environ.update(kept)
