"""The compose file, the images and the set-up scripts agree with each other; no engine is needed to see that."""

import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from foyer_tools.gateway import defaults
from foyer_tools.places import ROOT, SANDBOX_PARTS, SERVICES

FOLDER = ROOT / "deploy" / "compose"
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
JOBS = {"databases", "broker", *(f"{service}-migrate" for service in SERVICES)}
PUBLISHED = {"gateway", *SANDBOX_PARTS}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_confined(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["user"] in {"10001:10001", "postgres", "rabbitmq"}
    assert container["mem_limit"]
    assert container["pids_limit"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(container)
    assert not any("docker.sock" in str(volume) for volume in container.get("volumes", []))


def test_only_the_gateway_and_the_pages_of_the_sandbox_are_published_and_on_this_machine_only() -> None:
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}
    assert set(published) == PUBLISHED
    assert all(len(ports) == 1 and ports[0].startswith("127.0.0.1:") for ports in published.values())


def test_database_and_broker_have_no_way_out_and_the_sandbox_no_way_to_them() -> None:
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert COMPOSE["networks"]["services"]["internal"] is True
    for name in ("postgres", "rabbitmq"):
        assert CONTAINERS[name]["networks"] == ["data"]
    for name in PUBLISHED:
        assert "data" not in CONTAINERS[name]["networks"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_secret_is_written_down(name: str) -> None:
    for variable, value in CONTAINERS[name].get("environment", {}).items():
        if re.search(r"PASS|SECRET|_KEY$", variable):
            assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", value), variable
        elif found := re.search(r"://[^/@]+:([^/]*)@", value):
            assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", found[1]), variable


def test_the_script_makes_the_secrets_that_are_needed_once(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    for _ in range(2):
        subprocess.run([FOLDER / "make-env.sh", file], check=True, capture_output=True)
        first = file.read_text()
    assert file.read_text() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = dict(line.split("=", 1) for line in first.splitlines())
    assert set(made) == set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    assert len(set(made.values())) == len(made)
    key = made.pop("VAPID_PRIVATE_KEY")
    assert re.fullmatch(r"[0-9A-Za-z_-]{43}", key), "32 bytes in base64url (RFC 8292)"
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in made.values())


def test_every_start_waits_for_health_or_for_a_job() -> None:
    for name, container in CONTAINERS.items():
        if name not in JOBS:
            assert container["healthcheck"]["test"], name
        for other, how in container.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in JOBS else "service_healthy"
            assert how == {"condition": wanted}, f"{name} → {other}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_its_three_containers_and_its_place_in_the_set_up(service: str) -> None:
    for command in ("api", "worker", "migrate"):
        container = CONTAINERS[f"{service}-{command}"]
        assert container["command"] == [command]
        assert container["build"]["dockerfile"] == f"services/{service}/Dockerfile"
    known = defaults()
    assert (known[f"{service.upper()}_HOST"], known[f"{service.upper()}_PORT"]) == (f"{service}-api", "8000")
    assert CONTAINERS["gateway"]["depends_on"][f"{service}-api"] == {"condition": "service_healthy"}


def test_the_set_up_knows_the_services() -> None:
    databases = re.search(r"for service in (.+); do", (FOLDER / "databases.sh").read_text())
    broker = re.search(r"SERVICES = \((.+)\)", (FOLDER / "broker.py").read_text())
    assert databases is not None
    assert broker is not None
    assert set(databases[1].split()) == set(re.findall(r'"(\w+)"', broker[1])) == set(SERVICES)


def test_images_of_services_differ_in_the_name_only() -> None:
    texts = {
        re.sub(rf"\b{service}\b", "NAME", (ROOT / "services" / service / "Dockerfile").read_text())
        for service in SERVICES
    }
    assert len(texts) == 1


def test_no_image_floats() -> None:
    for name, container in CONTAINERS.items():
        image = re.sub(r"\$\{\w+:-(.+)\}", r"\1", container["image"])
        assert re.search(r":(?!latest)[\w.-]+$", image), name
