"""Stripe (https://docs.stripe.com): cards, disputes, refunds that may come back. It makes no fiscal receipts."""

from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import Field, SecretStr

from ...providing import Connected, Connection, OwnSettings, Provider, Webhook
from . import webhook
from .adapter import Stripe
from .client import Client
from .disputes import StripeDisputes


class StripeSettings(OwnSettings, env_prefix="FOYER_STRIPE_"):
    url: str = Field(default="https://api.stripe.com", description="base address of the API")
    secret_key: SecretStr = SecretStr("")
    webhook_secret: SecretStr = Field(default=SecretStr(""), description="signs its webhooks; none: refused")

    @property
    def is_set_up(self) -> bool:
        return bool(self.secret_key.get_secret_value())


def _connect(own: StripeSettings, connection: Connection) -> Connected:
    client = Client(url=own.url, secret_key=own.secret_key.get_secret_value(), connection=connection)
    adapter = Stripe(client, connection)
    return Connected(adapter, client.close, disputes=StripeDisputes(client), cards=adapter)


def _webhook(own: StripeSettings) -> Webhook:
    secret = own.webhook_secret.get_secret_value()

    def is_signed(headers: dict[str, str], body: bytes, now: datetime) -> bool:
        return webhook.is_signed(body, headers.get("stripe-signature"), secret, now=now)

    return Webhook(checked_by="its signature is checked", read=webhook.read, is_signed=is_signed)


PROVIDER = Provider(
    name="stripe",
    ways=("bank_card",),
    acquiring_percent=Decimal("2.9"),
    settings=StripeSettings,
    connect=_connect,
    webhook=_webhook,
    detaches_cards=True,
    #: "This process can take up to 30 days from the post date": https://docs.stripe.com/refunds#failed-refunds
    refunds_fail_within=timedelta(days=30),
)
