"""What a service process needs from outside, read from the environment (`FOYER_…`)."""

import os
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings that every service has; a service adds its own in `settings.py`.

    Secrets may come as files instead: a folder named by `FOYER_SECRETS_DIR` with one file per variable, named as the
    variable (`foyer_database_url`).
    """

    model_config = SettingsConfigDict(
        env_prefix="FOYER_", extra="ignore", frozen=True, secrets_dir=os.environ.get("FOYER_SECRETS_DIR")
    )

    database_url: str = Field(description="postgresql://user:password@host:port/database")
    amqp_url: str = Field(description="amqp://user:password@host:port/vhost")
    oidc_issuer: str
    oidc_jwks_url: str
    oidc_audience: str = "foyer"
    oidc_roles_claim: str = "roles"

    http_host: str = "127.0.0.1"
    http_port: int = 8000
    worker_port: int = 8001

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otlp_url: str | None = Field(default=None, description="OTLP/HTTP collector; none: trace ids only, no spans")

    database_pool_size: int = Field(default=16, ge=1, description="connections; more only queue in PostgreSQL")
    request_limit: int = Field(default=256, ge=1, description="requests at work or waiting at once; beyond it 503")
    relay_batch: int = Field(default=500, ge=1, description="events published before their results are checked")
    relay_poll_seconds: float = Field(default=0.1, gt=0, description="when no NOTIFY came")
    consumer_prefetch: int = Field(default=200, ge=1, description="unacknowledged messages the broker may send")
    consumer_batch: int = Field(default=50, ge=1, description="messages handled in one transaction")
    retry_delays_seconds: tuple[float, ...] = Field(
        default=(1, 5, 30, 120, 600), description="pause before each further attempt; then the message is parked"
    )
    inbox_days: int = Field(default=14, ge=1, description="how long a handled event's id is remembered")
    idempotency_hours: int = Field(default=48, ge=1, description="how long an answer is kept for its key")
