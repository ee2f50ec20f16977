from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from foyer_chassis.settings import ServiceSettings
from pydantic import Field, PrivateAttr, field_validator, model_validator
from pydantic_settings import NoDecode

from .providing import Network, OwnSettings, Provider, found, networks


class Settings(ServiceSettings):
    """Those of the service; a provider's own are read by it (`own`)."""

    _providers: dict[str, Provider[Any]] = PrivateAttr(default_factory=dict)
    _own: dict[str, OwnSettings] = PrivateAttr(default_factory=dict)

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

    payment_provider: str = Field(
        default="yookassa", description="where new payments are made; known ones stay where they are"
    )
    acquiring_percent: dict[str, Decimal] = Field(
        default={},
        validate_default=True,
        description="JSON, percent per provider: what it keeps of a payment; of others, what they say of themselves",
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

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._providers = found()
        for name, provider in self._providers.items():
            prefix = f"{name}_"
            own = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}
            self._own[name] = provider.settings(**own)

    @property
    def providers(self) -> Mapping[str, Provider[Any]]:
        """Those there are, by name."""
        return self._providers

    def own(self, provider: str) -> OwnSettings:
        """A provider's settings."""
        return self._own[provider]

    @property
    def set_up(self) -> tuple[str, ...]:
        """Providers that there are credentials of."""
        return tuple(name for name, own in self._own.items() if own.is_set_up)

    @property
    def fiscal(self) -> frozenset[str]:
        """Providers that make receipts (54-FZ)."""
        return frozenset(name for name, provider in self._providers.items() if provider.makes_receipts)

    @property
    def detaching(self) -> frozenset[str]:
        """Providers that can be told to forget a card; of the others its token only goes from here."""
        return frozenset(name for name, provider in self._providers.items() if provider.detaches_cards)

    @field_validator("payment_provider")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in (names := list(found())):
            raise ValueError(f"payment_provider is one of {names}")
        return value

    @field_validator("acquiring_percent")
    @classmethod
    def _of_known(cls, value: dict[str, Decimal]) -> dict[str, Decimal]:
        said = {name: provider.acquiring_percent for name, provider in found().items()}
        if unknown := sorted(value.keys() - said.keys()):
            raise ValueError(f"{unknown}: providers are {list(said)}")
        return {**said, **value}

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        return networks(value)

    @model_validator(mode="after")
    def _lease_outlives_requests(self) -> Self:
        if self.lease_seconds <= 2 * self.provider_timeout_seconds:
            raise ValueError("lease_seconds must be more than twice provider_timeout_seconds")
        if timedelta(seconds=sum(self.refund_retry_seconds)) > timedelta(hours=20):
            raise ValueError("refund_retry_seconds must end before the provider forgets idempotence keys (24 h)")
        return self
