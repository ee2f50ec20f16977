"""Real sandbox processes on free ports, each with a state folder of its own."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from foyer_sandbox.testing import Receiver, SandboxProcess, Starter


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Start a process; all stop with the module, and none may have logged a traceback."""
    started: list[SandboxProcess] = []

    def start(command: str, **environment: str) -> SandboxProcess:
        process = SandboxProcess(command, tmp_path_factory.mktemp(command), **environment)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        assert process.stop() in {0, -signal.SIGTERM}
        assert "Traceback" not in process.log(), process.log()


@pytest.fixture(scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    """Where the shop takes notifications."""
    async with Receiver() as receiver:
        yield receiver
