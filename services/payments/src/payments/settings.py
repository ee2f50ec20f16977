from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal, Self

from foyer_chassis.settings import ServiceSettings
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network

#: Where YooKassa sends notifications from, https://yookassa.ru/developers/using-api/webhooks#ip
YOOKASSA_NETWORKS = (
    "185.71.76.0/27",
    "185.71.77.0/27",
    "77.75.153.0/25",
    "77.75.154.128/25",
    "77.75.156.11/32",
    "77.75.156.35/32",
    "2a02:5180::/32",
)


class Settings(ServiceSettings):
    yookassa_url: str = Field(default="https://api.yookassa.ru/v3", description="base address of API v3")
    yookassa_shop_id: str = ""
    yookassa_secret_key: SecretStr = SecretStr("")
    yookassa_webhook_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=tuple(ip_network(item) for item in YOOKASSA_NETWORKS),
        description="CIDRs, comma separated: who may call the webhook",
    )
    stripe_url: str = Field(default="https://api.stripe.com", description="base address of the API")
    stripe_secret_key: SecretStr = SecretStr("")
    stripe_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="signs Stripe's webhooks; none: refused"
    )
    payment_stages: Literal["one", "two"] = Field(
        default="one", description="two: money is reserved first, and taken only if it is still wanted"
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="CIDRs, comma separated: peers (the gateway) that are believed whom they speak for",
    )
    payment_return_url: str = Field(
        default="http://127.0.0.1/", description="where the provider sends the payer back to; order_id is added"
    )

    payment_provider: Literal["yookassa", "stripe"] = Field(
        default="yookassa", description="where new payments are made; known ones stay where they are"
    )
    acquiring_percent: dict[str, Decimal] = Field(
        default={"yookassa": Decimal("2.8"), "stripe": Decimal("2.9")},
        description="JSON, percent per provider: what it keeps of a payment",
    )
    smallest_remainder: dict[str, int] = Field(
        default={"RUB": 5000},
        description="JSON, minor units per currency: what must remain at least after a part payment, if not nothing",
    )

    provider_timeout_seconds: float = Field(default=8, gt=0, description="for the provider's answer to one request")
    provider_concurrency: int = Field(default=16, ge=1, description="requests at the provider at once, per loop")
    lease_seconds: float = Field(
        default=20, gt=0, description="after which another worker takes over what a killed one had claimed"
    )
    clock_seconds: float = Field(default=0.5, gt=0, description="how often loops look for what nobody woke them for")
    check_first_seconds: float = Field(
        default=3, gt=0, description="first look at a payment or refund no webhook spoke of; then at half its age"
    )
    check_longest_seconds: float = Field(default=300, gt=0, description="longest pause between two such looks")
    refund_retry_seconds: tuple[float, ...] = Field(
        default=(5, 30, 120, 600, 1800, 3600, 7200),
        description="pause before each further attempt of a refund; then it has failed",
    )

    refund_recheck_hours: float = Field(
        default=24, gt=0, description="pause between looks at refunds that are done and may yet fail"
    )

    dispute_search_hours: float = Field(
        default=6, gt=0, description="pause between looks for disputes that no webhook told of"
    )

    @property
    def providers(self) -> tuple[str, ...]:
        """Payment providers that there are credentials of."""
        secrets = {"yookassa": self.yookassa_secret_key, "stripe": self.stripe_secret_key}
        return tuple(name for name, secret in secrets.items() if secret.get_secret_value())

    @field_validator("yookassa_webhook_networks", "trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(ip_network(item.strip()) for item in value.split(",") if item.strip())
        return value

    @model_validator(mode="after")
    def _lease_outlives_requests(self) -> Self:
        if self.lease_seconds <= 2 * self.provider_timeout_seconds:
            raise ValueError("lease_seconds must be more than twice provider_timeout_seconds")
        if timedelta(seconds=sum(self.refund_retry_seconds)) > timedelta(hours=20):
            raise ValueError("refund_retry_seconds must end before the provider forgets idempotence keys (24 h)")
        return self
