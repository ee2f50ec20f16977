"""For tests: real sandbox processes on free ports, and a place that takes the provider's notifications."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx2

START_SECONDS = 20
STOP_SECONDS = 10


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class SandboxProcess:
    """One `python -m foyer_sandbox …`, which can be killed and started again on its state."""

    def __init__(self, command: str, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FOYER_")},
            "FOYER_SANDBOX_PORT": str(self.port),
            "FOYER_SANDBOX_STATE_DIR": str(self.folder),
            **self._environment,
        }
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "foyer_sandbox", self._command], env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log()
            try:
                if httpx2.get(f"{self.url}/health/live", trust_env=False).status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"{self._command} did not start: {self.log()}")

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; its exit status."""
        assert self._process is not None
        self._process.send_signal(with_signal)
        return self._process.wait(STOP_SECONDS)

    def kill_and_start(self) -> None:
        """`kill -9`, then again on the same state."""
        self.stop(signal.SIGKILL)
        self.start()

    def log(self) -> str:
        """All it has logged."""
        return (self.folder / "log").read_text()


Starter = Callable[..., SandboxProcess]


class Receiver:
    """Answers 200, or the next of `answers`; keeps (monotonic seconds, body) of each notification."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self._got: list[tuple[float, dict[str, Any]]] = []
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/webhooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def reset(self) -> None:
        """Answer 200 again."""
        self.answers = []

    def about(self, object_id: str) -> list[tuple[float, dict[str, Any]]]:
        """What came about one payment or refund."""
        return [(at, body) for at, body in self._got if body["object"]["id"] == object_id]

    async def wait_for(self, event: str, object_id: str, times: int = 1, seconds: float = 4) -> dict[str, Any]:
        """The last of at least `times` notifications of this event about this object."""

        def found() -> list[dict[str, Any]]:
            return [body for _, body in self.about(object_id) if body["event"] == event]

        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: len(found()) >= times), seconds)
        return found()[-1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = json.loads(await reader.readexactly(int(lengths[0].split(b":")[1])))
            assert b"content-type: application/json" in head.lower()
            async with self._arrived:
                self._got.append((time.monotonic(), body))
                self._arrived.notify_all()
            status = self.answers.pop(0) if self.answers else 200
            writer.write(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        finally:
            writer.close()
