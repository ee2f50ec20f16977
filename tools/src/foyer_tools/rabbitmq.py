"""RabbitMQ for a checkout: the given one, else an installed one run as a node of its own, else apt, else Docker."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from foyer_tools.management import Management
from foyer_tools.places import LOOPBACK, checkout_id, log_folder
from foyer_tools.processes import end, recall, spawn, tail
from foyer_tools.state import State
from foyer_tools.steps import say, step

START_SECONDS = 120.0
RECOVERY_SECONDS = 15.0
STOP_SECONDS = 30.0
APT_SECONDS = 600
ADMIN = "foyer_admin"
SERVERS = "servers"
IMAGE = "rabbitmq:4-management"

NO_WAY = """RabbitMQ is needed, and none of these ways worked here:
  1. give one: FOYER_AMQP_URL=amqp://… (and FOYER_RABBITMQ_MANAGEMENT_URL=http://… to have users made)
  2. install it: `rabbitmq-server` on the PATH or in /usr/lib/rabbitmq/bin ({installed})
  3. apt: {apt}
  4. Docker: {docker}"""


class RabbitError(Exception):
    """RabbitMQ could not be started or reached; the text says why and where to look."""


class Rabbit(Protocol):
    """A broker, however it came to be."""

    @property
    def ours(self) -> bool:
        """True if it may be started and stopped by us."""

    @property
    def amqp_url(self) -> str:
        """Address of its administrator."""

    @property
    def management_url(self) -> str | None:
        """Address of its management API with the administrator's name, if there is one."""

    def describe(self) -> str:
        """For the line in the start-up report."""

    def start(self) -> None:
        """Start it unless it runs and wait until it answers."""

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it, if it is ours; `immediate` is kill -9."""

    def alive(self) -> bool:
        """True while it runs, as far as we can tell."""


class GivenRabbit:
    """A broker that somebody else runs: used, never started or stopped."""

    ours = False

    def __init__(self, amqp_url: str, management_url: str | None) -> None:
        self.amqp_url = amqp_url
        self.management_url = management_url

    def describe(self) -> str:
        """Says so when services will have to share the given user."""
        if self.management_url:
            return "given by FOYER_AMQP_URL"
        return "given by FOYER_AMQP_URL; without FOYER_RABBITMQ_MANAGEMENT_URL every service signs in as its user"

    def start(self) -> None:
        """Check that it answers."""
        if self.management_url and not Management(self.management_url).answers():
            raise RabbitError("the management API of FOYER_RABBITMQ_MANAGEMENT_URL does not answer")

    def stop(self, *, immediate: bool = False) -> None:
        """Not ours to stop."""

    def alive(self) -> bool:
        """Not ours to watch."""
        return True


class _OwnAddresses:
    ours = True

    def __init__(self, state: State) -> None:
        self.state = state
        self.log = log_folder() / "rabbitmq-start.log"  # the node opens rabbitmq.log itself

    @property
    def amqp_url(self) -> str:
        port = self.state.port("rabbitmq-amqp")
        return f"amqp://{ADMIN}:{self.state.secret('rabbitmq')}@{LOOPBACK}:{port}/%2F"

    @property
    def management_url(self) -> str | None:
        port = self.state.port("rabbitmq-management")
        return f"http://{ADMIN}:{self.state.secret('rabbitmq')}@{LOOPBACK}:{port}"

    def alive(self) -> bool:
        raise NotImplementedError

    def _wait_until_it_answers(self) -> None:
        api = Management(self.management_url or "")
        until = time.monotonic() + START_SECONDS
        while not api.answers():
            if not self.alive() or time.monotonic() > until:
                raise RabbitError(f"RabbitMQ did not start. The end of {self.log}:\n{tail(self.log)}")
            time.sleep(0.1)


class OwnNode(_OwnAddresses):
    """An installed RabbitMQ run as a node of its own: name, ports, port mapper, data and plugins are the checkout's."""

    def __init__(self, state: State, program: Path) -> None:
        super().__init__(state)
        self.program = program
        self.folder = state.folder / "rabbitmq"

    def describe(self) -> str:
        """For the line in the start-up report."""
        return f"port {self.state.port('rabbitmq-amqp')}, node {self._node()}"

    def alive(self) -> bool:
        """True while the node's process runs."""
        return recall(self.state, "rabbitmq") is not None

    def start(self) -> None:
        """Start port mapper and node unless they run, and wait until the management API answers."""
        if not self.alive():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._start_port_mapper()
            ports = [self.state.port(f"rabbitmq-{name}", free=True) for name in ("amqp", "management", "nodes")]
            self._configure(amqp=ports[0], management=ports[1])
            environment = self._environment(nodes_port=ports[2])
            spawn(
                *(self.state, "rabbitmq", [self.program]),
                group=SERVERS,
                env=environment,
                log=self.log,
                cwd=self.folder,
            )
        self._wait_until_it_answers()
        self._wait_for_queues(Management(self.management_url or ""))

    def stop(self, *, immediate: bool = False) -> None:
        """End the node in order, then its port mapper."""
        if (node := recall(self.state, "rabbitmq")) is not None:
            end([node], first=signal.SIGKILL if immediate else signal.SIGTERM, seconds=STOP_SECONDS)
        if (mapper := recall(self.state, "epmd")) is not None:
            end([mapper])
        self.state.remember("processes", "rabbitmq", None)
        self.state.remember("processes", "epmd", None)

    def _wait_for_queues(self, api: Management) -> None:
        """Wait until every queue and stream has been recovered; replace a stream that cannot be.

        RabbitMQ 3.10 that is stopped while it recovers a stream may never lead that stream again. What such a
        stream held is a copy for replays, so an empty one takes its place.
        """
        until = time.monotonic() + RECOVERY_SECONDS
        while down := [queue for queue in api.call("GET", "/queues") if queue.get("state") == "down"]:
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        for stream in (queue for queue in down if queue.get("type") == "stream"):
            vhost, name = stream["vhost"], stream["name"]
            resource = f'rabbit_misc:r(<<"{vhost}">>, queue, <<"{name}">>)'
            self._control("eval", f'rabbit_amqqueue:internal_delete({resource}, <<"{ADMIN}">>).')
            say(f"[yellow]The stream {name} of {vhost} could not be recovered; it starts again, empty.[/]")

    def _control(self, *arguments: str) -> None:
        """Run rabbitmqctl against our node."""
        program = self.program.with_name("rabbitmqctl")
        environment = self._environment(nodes_port=self.state.port("rabbitmq-nodes"))
        done = subprocess.run(
            [str(program), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=60,
        )
        if done.returncode != 0:
            raise RabbitError(f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}")

    def _node(self) -> str:
        return f"foyer-{checkout_id()}@localhost"

    def _start_port_mapper(self) -> None:
        # Ours from the start: the one that Erlang would start by itself outlives the node and belongs to nobody.
        if recall(self.state, "epmd") is None:
            port = self.state.port("epmd", free=True)
            argv = [shutil.which("epmd") or "epmd", "-port", str(port), "-address", LOOPBACK]
            spawn(self.state, "epmd", argv, group=SERVERS, env=dict(os.environ), log=self.log, cwd=self.folder)

    def _configure(self, *, amqp: int, management: int) -> None:
        settings = {
            "listeners.tcp.1": f"{LOOPBACK}:{amqp}",
            "management.tcp.ip": LOOPBACK,
            "management.tcp.port": management,
            "default_user": ADMIN,
            "default_pass": self.state.secret("rabbitmq"),
            "default_user_tags.administrator": "true",
            "disk_free_limit.absolute": "200MB",
            "vm_memory_high_watermark.absolute": "1GB",
            "log.console": "false",
            "log.file": "rabbitmq.log",
            "log.file.level": "warning",
            "log.file.rotation.size": 20 * 1024 * 1024,
            "log.file.rotation.count": 1,
        }
        text = "".join(f"{name} = {value}\n" for name, value in settings.items())
        config = self.folder / "rabbitmq.conf"
        config.touch(mode=0o600)
        config.write_text(text, encoding="utf-8")
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")
        # Stands in for /etc/rabbitmq/rabbitmq-env.conf, which may give the machine's own node another port or name.
        (self.folder / "rabbitmq-env.conf").write_text("", encoding="utf-8")

    def _environment(self, *, nodes_port: int) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        return {
            **inherited,
            "HOME": str(self.folder),  # where Erlang keeps its cookie
            "RABBITMQ_NODENAME": self._node(),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(log_folder()),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(nodes_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.state.port("epmd")),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            # The start script then becomes the node's own process instead of a shell that waits for it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


class DockerNode(_OwnAddresses):
    """RabbitMQ in a container of the checkout's own, its data in a volume of the same name."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.name = f"foyer-{checkout_id()}-rabbitmq"

    def describe(self) -> str:
        """For the line in the start-up report."""
        return f"port {self.state.port('rabbitmq-amqp')}, container {self.name}"

    def alive(self) -> bool:
        """True while the container runs."""
        return _docker("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "true"

    def start(self) -> None:
        """Start the container unless it runs and wait until the management API answers."""
        if not self.alive():
            _docker("rm", "--force", self.name)
            amqp = self.state.port("rabbitmq-amqp", free=True)
            management = self.state.port("rabbitmq-management", free=True)
            environment = self.state.folder / "rabbitmq.env"
            environment.touch(mode=0o600)
            environment.write_text(
                f"RABBITMQ_DEFAULT_USER={ADMIN}\nRABBITMQ_DEFAULT_PASS={self.state.secret('rabbitmq')}\n"
            )
            started = _docker(
                *("run", "--detach", "--name", self.name, "--hostname", "foyer", "--env-file", str(environment)),
                *("--publish", f"{LOOPBACK}:{amqp}:5672", "--publish", f"{LOOPBACK}:{management}:15672"),
                *("--volume", f"{self.name}:/var/lib/rabbitmq", IMAGE),
            )
            if started.returncode != 0:
                raise RabbitError(f"docker run {IMAGE}: {started.stderr.strip()}")
        self._wait_until_it_answers()

    def stop(self, *, immediate: bool = False) -> None:
        """Stop and remove the container; the volume keeps the data."""
        _docker("kill" if immediate else "stop", self.name)
        _docker("rm", "--force", self.name)


def choose_rabbit(state: State, *, may_install: bool = True) -> Rabbit:
    """The first way that works here, in the order: given, installed, apt (if it may), Docker; else RabbitError."""
    if given := os.environ.get("FOYER_AMQP_URL"):
        return GivenRabbit(given, os.environ.get("FOYER_RABBITMQ_MANAGEMENT_URL"))
    if program := _installed():
        return OwnNode(state, program)
    apt = _install_by_apt() if may_install else "not tried"
    if program := _installed():
        return OwnNode(state, program)
    engine = _docker("version", "--format", "{{.Server.Version}}")
    if engine.returncode == 0:
        return DockerNode(state)
    said = (engine.stderr or engine.stdout).strip().splitlines()
    raise RabbitError(NO_WAY.format(installed="not found", apt=apt, docker=said[-1] if said else "no engine answers"))


def vhost_url(url: str, vhost: str, *, user: str | None = None, password: str | None = None) -> str:
    """The same broker's address for another virtual host (a plain name) and, if given, another user."""
    parts = urlsplit(url)
    place = f"{user}:{password}@{parts.netloc.rpartition('@')[2]}" if user else parts.netloc
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{place}/{vhost}{query}"


def _installed() -> Path | None:
    # Debian's program on the PATH is a wrapper that changes user and folder; the real one lies here.
    direct = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if direct.exists():
        return direct
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


def _install_by_apt() -> str:
    """Try `apt-get install rabbitmq-server`; what came of it, in words. The machine's own broker is not started."""
    if not shutil.which("apt-get"):
        return "there is no apt-get here"
    if os.geteuid() != 0:
        return "`apt-get install rabbitmq-server` needs root"
    if os.environ.get("FOYER_ALLOW_APT") == "0":
        return "forbidden by FOYER_ALLOW_APT=0"
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        # Debian asks this program before a package starts its service; 101 means no.
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "rabbitmq-server"]
    result: subprocess.CompletedProcess[str] | None = None
    try:
        with step("installing rabbitmq-server by apt-get"):
            for command in (["apt-get", "update"], install):
                result = subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=False, timeout=APT_SECONDS
                )
        if shutil.which("systemctl"):
            # Otherwise the next start of the machine would bring up a broker that nobody asked for.
            subprocess.run(["systemctl", "disable", "rabbitmq-server"], capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return f"`apt-get install rabbitmq-server` took more than {APT_SECONDS} s"
    finally:
        if ours:
            policy.unlink()
    if result is not None and result.returncode == 0:
        return "installed, but its program is not where it is expected"
    said = result.stderr.strip().splitlines() if result else []
    return f"`apt-get install rabbitmq-server` failed: {said[-1] if said else 'without a word'}"


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("docker"):
        return subprocess.CompletedProcess(arguments, 127, "", "there is no docker here")
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=300)
