"""The whole system in containers, really brought up, used and taken down, where an engine answers."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from foyer_tools.places import ROOT, SERVICES

pytestmark = pytest.mark.slow

UP_SECONDS = 1200
PORTS = ("GATEWAY", "IDENTITY", "PROVIDER", "PUSH", "MAILBOX", "STRIPE")


def _engine_answers() -> bool:
    return (
        shutil.which("docker") is not None
        and not subprocess.run(["docker", "info"], check=False, capture_output=True).returncode
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Stack:
    """A compose project of its own: name, ports, network, secrets, images."""

    def __init__(self, folder: Path) -> None:
        self.project = f"foyer-test-{os.getpid()}"
        self._env_file = folder / ".env"
        subprocess.run([ROOT / "deploy/compose/make-env.sh", self._env_file], check=True, capture_output=True)
        self.secrets = dict(line.split("=", 1) for line in self._env_file.read_text().splitlines())
        self.environment = {
            **os.environ,
            **{f"FOYER_{name}_PORT": str(port) for name, port in zip(PORTS, _free_ports(len(PORTS)), strict=True)},
            "FOYER_SUBNET": f"10.213.{os.getpid() % 250}",
            "FOYER_VERSION": "test",
        }

    def compose(self, *arguments: str, seconds: float = 300, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["docker", "compose", "-p", self.project, "--env-file", str(self._env_file), *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, timeout=seconds, check=check, capture_output=True, text=True
        )

    def up(self, *arguments: str) -> None:
        done = self.compose("up", "-d", "--wait", *arguments, seconds=UP_SECONDS, check=False)
        assert done.returncode == 0, done.stderr[-3000:] + self.compose("logs", "--tail", "20").stdout[-20000:]

    def run(self, container: str, *command: str) -> subprocess.CompletedProcess[str]:
        return self.compose("exec", "-T", container, *command, check=False)

    def play(self, *journeys: str) -> None:
        done = subprocess.run(
            [sys.executable, ROOT / "deploy/compose/check.py", *journeys],
            env={**self.environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            timeout=300,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def left(self, what: str) -> list[str]:
        command = {"containers": ["ps", "-a"], "volumes": ["volume", "ls"], "networks": ["network", "ls"]}[what]
        mine = f"label=com.docker.compose.project={self.project}"
        done = subprocess.run(["docker", *command, "-q", "--filter", mine], check=True, capture_output=True, text=True)
        return done.stdout.split()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not _engine_answers():
        pytest.skip("no container engine answers")
    made = Stack(tmp_path_factory.mktemp("compose"))
    try:
        made.up("--build")
        yield made
    finally:
        made.compose("down", "-v", "--timeout", "30")
        images = [f"foyer-{name}:test" for name in (*SERVICES, "sandbox")]
        subprocess.run(["docker", "image", "rm", *images], check=False, capture_output=True)
    assert [made.left(what) for what in ("containers", "volumes", "networks")] == [[], [], []]


def test_everything_is_healthy_and_every_job_ended_well(stack: Stack) -> None:
    lines = stack.compose("ps", "-a", "--format", "json").stdout.splitlines()
    found = {each["Service"]: each for each in map(json.loads, lines)}
    assert len(found) == 25
    for name, each in found.items():
        state = (each["State"], each["Health"] or each["ExitCode"])
        assert state in {("running", "healthy"), ("exited", 0)}, name


def test_journeys(stack: Stack) -> None:
    stack.play("1", "2", "5", "stripe")


@pytest.mark.parametrize("server", ["rabbitmq", "postgres"])
def test_a_paid_booking_after_a_server_was_killed(stack: Stack, server: str) -> None:
    stack.compose("kill", "--signal", "KILL", server)
    stack.up()
    stack.play("1")


@pytest.mark.parametrize("name", ["orders-api", "payments-worker", "identity", "gateway", "postgres", "rabbitmq"])
def test_a_process_has_no_rights(stack: Stack, name: str) -> None:
    status = stack.run(name, "sh", "-c", "cat /proc/1/status; touch /here").stdout
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split()[0] != "0"
    assert (int(lines["CapEff"], 16), int(lines["CapBnd"], 16), lines["NoNewPrivs"]) == (0, 0, "1")
    assert stack.run(name, "test", "-e", "/here").returncode != 0


def test_a_service_reaches_its_own_database_only(stack: Stack) -> None:
    password = stack.secrets["ORDERS_DATABASE_PASSWORD"]

    def ask(database: str) -> str:
        url = f"postgresql://foyer_orders:{password}@postgres/{database}"
        done = stack.run("postgres", "psql", url, "-Atc", "select current_user")
        return (done.stdout + done.stderr).strip()

    assert ask("foyer_orders") == "foyer_orders"
    for other in ("foyer_booking", "foyer_payments"):
        assert "permission denied for database" in ask(other)


def test_broker_users_have_their_own_rights_and_no_others(stack: Stack) -> None:
    listed = stack.run("rabbitmq", "rabbitmqctl", "--formatter", "json", "list_permissions", "-p", "foyer")
    found = {each["user"]: each["write"] for each in json.loads(listed.stdout)}
    assert set(found) == {"foyer_admin", *(f"foyer_{service}" for service in SERVICES)}
    assert found["foyer_orders"] == r"^foyer\.(events|private|orders(\..*)?)$"
    keys = stack.run("rabbitmq", "rabbitmqctl", "--formatter", "json", "list_topic_permissions", "-p", "foyer")
    assert {each["write"] for each in json.loads(keys.stdout) if each["user"] == "foyer_orders"} == {r"^orders\..*"}


def test_images_hold_no_tests_and_no_secrets(stack: Stack) -> None:
    for service in SERVICES:
        found = stack.run(f"{service}-api", "find", "/srv", "-name", "test*", "-o", "-name", ".env*").stdout
        assert found == "", service
        image = f"foyer-{service}:test"
        history = subprocess.run(
            ["docker", "image", "inspect", image], check=True, capture_output=True, text=True
        ).stdout
        assert not [secret for secret in stack.secrets.values() if secret in history]


def test_what_needs_no_way_out_has_none(stack: Stack) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 443), 2)"
    done = stack.run("orders-worker", "python", "-c", code)
    assert "unreachable" in done.stderr
