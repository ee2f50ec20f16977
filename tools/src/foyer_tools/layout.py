"""Which processes a running system has: their commands, environments, ports and health, for one profile."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foyer_tools import gateway
from foyer_tools.places import LOOPBACK, SANDBOX_PARTS, SERVICES, log_folder
from foyer_tools.servers import Provided
from foyer_tools.state import State

YOOKASSA_SHOP_ID = "100500"
WEBHOOK_PATH = "/api/payments/v1/webhooks/yookassa"
STRIPE_WEBHOOK_PATH = "/api/payments/v1/webhooks/stripe"
TELEGRAM_WEBHOOK_PATH = "/api/notifications/v1/telegram/webhook"
PAGE_PATH = "/api/payments/v1/page"

# What processes may see of the person's environment. No proxies: everything they call is on this machine.
# No administrator's addresses: a service knows its own database and its own broker user.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "FOYER_LOG_LEVEL", "FOYER_LOG_FORMAT", "FOYER_OTLP_URL")


@dataclass(frozen=True)
class Profile:
    """A system of its own within a checkout: own databases, virtual host, ports, logs and sandbox state.

    `name` is [a-z0-9]+; `main` is that of `./foyer up`. `environment` adds variables to processes: keys are process
    names (`orders-api`, `payments-worker`, `provider`, …), services (both their processes), or `*`.
    `limits` overrides numbers of the gateway, such as `CALLER_PER_SECOND`. `fresh` starts from nothing.
    """

    name: str = "main"
    fresh: bool = False
    services: tuple[str, ...] = SERVICES
    gateway: bool = True
    limits: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def variables(self, *names: str) -> dict[str, str]:
        """The variables added for `*` and then for each of the names."""
        merged: dict[str, str] = {}
        for name in ("*", *names):
            merged.update(self.environment.get(name, {}))
        return merged


@dataclass(frozen=True)
class Spec:
    """One process: how to run it and where it says that it is ready."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    health_url: str
    log: Path


@dataclass(frozen=True)
class Layout:
    """All processes of a profile, in the order in which they are started, and the addresses that result."""

    migrations: tuple[Spec, ...]
    sandbox: tuple[Spec, ...]
    services: tuple[Spec, ...]
    gateway: tuple[Spec, ...]
    gateway_url: str
    api_urls: Mapping[str, str]
    worker_urls: Mapping[str, str]
    sandbox_urls: Mapping[str, str]
    smtp_port: int

    @property
    def all(self) -> tuple[Spec, ...]:
        """Every process that stays."""
        return (*self.sandbox, *self.services, *self.gateway)


def sandbox_folder(state: State, profile: str) -> Path:
    """Where the sandbox keeps its files, a folder per part."""
    return state.folder / "sandbox" / profile


def lay_out(state: State, profile: Profile, provided: Provided) -> Layout:
    """Give every process of the profile its port and environment. Call it when none of them runs."""

    def url(name: str) -> str:
        return f"http://{LOOPBACK}:{state.port(f'{profile.name}.{name}', free=True)}"

    def log(name: str) -> Path:
        return log_folder(profile.name) / f"{name}.log"

    sandbox_urls = {part: url(part) for part in SANDBOX_PARTS}
    smtp_port = state.port(f"{profile.name}.smtp", free=True)
    apns_port = state.port(f"{profile.name}.apns", free=True)
    api_urls = {service: url(f"{service}-api") for service in SERVICES}
    worker_urls = {service: url(f"{service}-worker") for service in SERVICES}
    gateway_url = url("gateway")
    base = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"PYTHONUNBUFFERED": "1"}
    yookassa = {
        "FOYER_YOOKASSA_SHOP_ID": YOOKASSA_SHOP_ID,
        "FOYER_YOOKASSA_SECRET_KEY": state.secret("yookassa"),
    }
    stripe = {
        "FOYER_STRIPE_SECRET_KEY": state.secret("stripe"),
        "FOYER_STRIPE_WEBHOOK_SECRET": state.secret("stripe-webhook"),
    }
    messengers = {
        "FOYER_RUSTORE_PROJECT_ID": "foyer-sandbox",
        "FOYER_RUSTORE_SERVICE_TOKEN": state.secret("rustore"),
        "FOYER_SMSC_API_KEY": state.secret("smsc"),
        "FOYER_TELEGRAM_BOT_TOKEN": state.secret("telegram-bot"),
    }
    states = sandbox_folder(state, profile.name)

    def sandbox_spec(part: str) -> Spec:
        env = {
            **base,
            **yookassa,
            **stripe,
            **messengers,
            "FOYER_SANDBOX_PORT": _port(sandbox_urls[part]),
            "FOYER_SANDBOX_PUBLIC_URL": sandbox_urls[part],
            "FOYER_SANDBOX_WEBHOOK_URL": gateway_url + WEBHOOK_PATH,
            "FOYER_SANDBOX_STRIPE_WEBHOOK_URL": gateway_url + STRIPE_WEBHOOK_PATH,
            "FOYER_SANDBOX_SMTP_PORT": str(smtp_port),
            "FOYER_SANDBOX_APNS_PORT": str(apns_port),
            "FOYER_SANDBOX_STATE_DIR": str(states / part),
            **profile.variables(part),
        }
        (states / part).mkdir(parents=True, exist_ok=True)
        argv = (sys.executable, "-m", "foyer_sandbox", part)
        return Spec(part, argv, env, sandbox_urls[part] + "/health/live", log(part))

    files = state.folder / "files" / profile.name
    own = {
        "orders": {"FOYER_FILES_FOLDER": str(files / "orders")},
        "chat": {"FOYER_FILES_FOLDER": str(files / "chat")},
        "booking": {"FOYER_HOLD_TTL_SECONDS": "900"},
        "payments": {
            **yookassa,
            **stripe,
            "FOYER_STRIPE_URL": sandbox_urls["stripe"],
            "FOYER_YOOKASSA_URL": sandbox_urls["provider"] + "/v3",
            "FOYER_YOOKASSA_WEBHOOK_NETWORKS": "127.0.0.1/32",
            "FOYER_TRUSTED_PROXIES": "127.0.0.1/32",
            "FOYER_PAYMENT_RETURN_URL": gateway_url + PAGE_PATH,
        },
        "notifications": {
            "FOYER_SMTP_HOST": LOOPBACK,
            "FOYER_SMTP_PORT": str(smtp_port),
            "FOYER_MAIL_FROM": "foyer@example.test",
            "FOYER_FCM_URL": sandbox_urls["push"],
            "FOYER_FCM_CREDENTIALS_FILE": str(states / "push" / "service-account.json"),
            "FOYER_APNS_URL": f"http://{LOOPBACK}:{apns_port}",
            "FOYER_APNS_KEY_FILE": str(states / "push" / "apns-key.p8"),
            "FOYER_APNS_KEY_ID": "SANDBOXKEY",
            "FOYER_APNS_TEAM_ID": "SANDBOXTEA",
            "FOYER_APNS_TOPIC": "dev.foyer.app",
            **messengers,
            "FOYER_RUSTORE_URL": sandbox_urls["push"] + "/rustore",
            "FOYER_SMSC_URL": sandbox_urls["push"],
            "FOYER_TELEGRAM_URL": sandbox_urls["push"],
            "FOYER_TELEGRAM_BOT_NAME": "foyer_sandbox_bot",
            "FOYER_TELEGRAM_WEBHOOK_URL": gateway_url + TELEGRAM_WEBHOOK_PATH,
            "FOYER_TELEGRAM_WEBHOOK_SECRET": state.secret("telegram-webhook"),
            "FOYER_VAPID_PRIVATE_KEY": state.secret("vapid"),
            "FOYER_WEB_PUSH_TO_PRIVATE_NETWORKS": "true",
        },
    }

    def service_spec(service: str, role: str, health: str) -> Spec:
        name = f"{service}-{role}"
        env = {
            **base,
            "FOYER_DATABASE_URL": provided.database_urls[service],
            "FOYER_AMQP_URL": provided.amqp_urls[service],
            "FOYER_OIDC_ISSUER": sandbox_urls["identity"],
            "FOYER_OIDC_JWKS_URL": sandbox_urls["identity"] + "/jwks",
            "FOYER_OIDC_AUDIENCE": "foyer",
            "FOYER_HTTP_HOST": LOOPBACK,
            "FOYER_HTTP_PORT": _port(api_urls[service]),
            "FOYER_WORKER_PORT": _port(worker_urls[service]),
            **own.get(service, {}),
            **profile.variables(service, name),
        }
        return Spec(name, (sys.executable, "-m", service, role), env, health, log(name))

    return Layout(
        migrations=tuple(service_spec(service, "migrate", "") for service in profile.services),
        sandbox=tuple(sandbox_spec(part) for part in SANDBOX_PARTS),
        services=tuple(
            spec
            for service in profile.services
            for spec in (
                service_spec(service, "api", api_urls[service] + "/health/ready"),
                service_spec(service, "worker", worker_urls[service] + "/health/ready"),
            )
        ),
        gateway=(
            (_gateway_spec(state, profile, base, gateway_url, sandbox_urls["identity"], api_urls, log("gateway")),)
            if profile.gateway
            else ()
        ),
        gateway_url=gateway_url,
        api_urls=api_urls,
        worker_urls=worker_urls,
        sandbox_urls=sandbox_urls,
        smtp_port=smtp_port,
    )


def _gateway_spec(
    state: State,
    profile: Profile,
    base: Mapping[str, str],
    gateway_url: str,
    identity_url: str,
    api_urls: Mapping[str, str],
    log: Path,
) -> Spec:
    admin_port = state.port(f"{profile.name}.gateway-admin", free=True)
    values = gateway.local_values(
        port=int(_port(gateway_url)),
        admin_port=admin_port,
        identity_url=identity_url,
        api_urls=api_urls,
        # Everybody comes from one address here, the sandbox's webhooks and 64 customers at once included.
        limits={"ADDRESS_PER_SECOND": 5_000, "ADDRESS_BURST": 10_000, **profile.limits},
    )
    config = state.folder / f"envoy-{profile.name}.yaml"
    config.write_text(gateway.render(values), encoding="utf-8")
    health = f"http://{LOOPBACK}:{admin_port}/ready"
    return Spec("gateway", tuple(gateway.command(config)), {**base, **profile.variables("gateway")}, health, log)


def _port(url: str) -> str:
    return url.rpartition(":")[2]
