"""What a payment provider tells of itself, and how those there are are found.

A provider is a folder in `providers/` whose `PROVIDER` is a `Provider`. Everything else asks `found()`; nothing knows a
provider by its name, and no provider knows another.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from ipaddress import IPv4Network, IPv6Network, ip_network
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Generic, Literal, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from foyer_chassis.settings import ServiceSettings
from pydantic_settings import BaseSettings, SettingsConfigDict

from ..cards.domain import CardKeeper
from ..closing.domain import ReceiptProvider
from ..disputes.domain import DisputeProvider
from ..paying.domain import OWN_WAYS, Payment, PaymentProvider
from ..refunding.domain import RefundProvider

#: The package whose folders are the providers.
FOLDERS = "payments.providers"

Network = IPv4Network | IPv6Network


class ProviderBrokenError(Exception):
    """A folder in `providers/` is no description of a provider; what is wrong with it."""


class OwnSettings(BaseSettings):
    """What a provider needs from the environment: `FOYER_<NAME>_…`, or files, as `ServiceSettings`. A class for one
    says so: `class StripeSettings(OwnSettings, env_prefix="FOYER_STRIPE_")`."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, secrets_dir=ServiceSettings.model_config.get("secrets_dir")
    )

    @property
    def is_set_up(self) -> bool:
        """Whether there are credentials, so that payments can be made there."""
        raise NotImplementedError


def networks(value: Any) -> Any:
    """CIDRs, comma separated, as settings have them."""
    if isinstance(value, str):
        return tuple(ip_network(item.strip()) for item in value.split(",") if item.strip())
    return value


class Adapter(PaymentProvider, RefundProvider, Protocol):
    """What every provider does: it takes money and gives it back."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What every adapter is told besides its own settings.

    Attributes:
        return_url: where the payer comes back to; `order_id` (of top-ups `invoice_id`) and `payment_id` are added.
        timeout_seconds: for one answer.
        connections: at once, at most.
        two_stage: money is reserved first, and taken once it is known that it is still wanted.
    """

    return_url: str
    timeout_seconds: float
    connections: int
    two_stage: bool = False

    def return_to(self, payment: Payment) -> str:
        """`return_url` for the payer of this payment."""
        parts = urlsplit(self.return_url)
        about = ("order_id", str(payment.order_id)) if payment.order_id else ("invoice_id", str(payment.invoice_id))
        query = urlencode([*parse_qsl(parts.query), about, ("payment_id", str(payment.id))])
        return urlunsplit(parts._replace(query=query))


@dataclass(frozen=True, slots=True)
class Connected:
    """A provider that a worker can speak with. `receipts`, `disputes`, `cards`: None where it has no such thing."""

    adapter: Adapter
    close: Callable[[], Awaitable[None]]
    receipts: ReceiptProvider | None = None
    disputes: DisputeProvider | None = None
    cards: CardKeeper | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """What a webhook is read for: which object changed. Everything else in it is not believed.

    Attributes:
        about: None: nothing that concerns us.
        their_id: the provider's id of the object.
        our_payment_id: what it says which payment of ours it is, if it does.
    """

    about: Literal["payment", "refund", "dispute"] | None
    their_id: str
    our_payment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a provider's notifications are known and read. At least one of the two ways to know them is given.

    Attributes:
        checked_by: why it needs no token, for people: "its signature is checked".
        read: the body; raises ValueError: it is none (a pydantic ValidationError is one).
        networks: who may send one; None: anybody.
        is_signed: of headers (names in lower case) and body at a time; None: it signs nothing.
    """

    checked_by: str
    read: Callable[[bytes], Notification]
    networks: tuple[Network, ...] | None = None
    is_signed: Callable[[dict[str, str], bytes, datetime], bool] | None = None

    def __post_init__(self) -> None:
        if self.networks is None and self.is_signed is None:
            raise ProviderBrokenError("anybody could call this webhook: it wants networks or is_signed")


S = TypeVar("S", bound=OwnSettings)


@dataclass(frozen=True, slots=True)
class Provider(Generic[S]):
    """All that is to be known of a payment provider.

    Attributes:
        name: of its folder, in the API, in settings, in the ledger (`provider:<name>`).
        ways: how payers may pay there, as the API names them: `bank_card`, `sbp`, …
        acquiring_percent: what it keeps of a payment, unless settings say otherwise.
        settings: its own, `FOYER_<NAME>_…`.
        connect: makes its adapter, and whatever else it does; nothing is asked yet.
        webhook: how its notifications are known and read.
        makes_receipts: fiscal ones (54-FZ); then `Connected.receipts` is there.
        detaches_cards: it can be told to forget a card; then `Connected.cards` is there.
        refunds_fail_within: for how long a refund that succeeded may yet fail; nothing where success is final.
    """

    name: str
    ways: tuple[str, ...]
    acquiring_percent: Decimal
    settings: type[S]
    connect: Callable[[S, Connection], Connected]
    webhook: Callable[[S], Webhook]
    makes_receipts: bool = False
    detaches_cards: bool = False
    refunds_fail_within: timedelta = field(default=timedelta(0))

    def connected(self, own: S, connection: Connection) -> Connected:
        """Raises ProviderBrokenError: it lacks what it says it does."""
        made = self.connect(own, connection)
        if self.makes_receipts != (made.receipts is not None) or self.detaches_cards != (made.cards is not None):
            raise ProviderBrokenError(f"{self.name}: what it says of receipts or cards is not what it does")
        return made


def found() -> dict[str, Provider[Any]]:
    """Every provider there is, by name in alphabetical order. Raises ProviderBrokenError."""
    folder = import_module(FOLDERS)
    names = sorted(item.name for item in iter_modules(folder.__path__) if item.ispkg)
    return {name: _checked(name, import_module(f"{FOLDERS}.{name}")) for name in names}


def _checked(name: str, module: ModuleType) -> Provider[Any]:
    provider = getattr(module, "PROVIDER", None)
    if not isinstance(provider, Provider) or provider.name != name or name in OWN_WAYS:
        raise ProviderBrokenError(f"{FOLDERS}.{name} has no PROVIDER of that name")
    if provider.settings.model_config.get("env_prefix") != f"FOYER_{name.upper()}_":
        raise ProviderBrokenError(f"the settings of {name} begin with something else than FOYER_{name.upper()}_")
    if not provider.ways:
        raise ProviderBrokenError(f"nobody can pay at {name}: it has no ways")
    return provider
