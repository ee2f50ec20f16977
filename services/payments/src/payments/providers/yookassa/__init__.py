"""YooKassa (https://yookassa.ru/developers): cards and SBP, with receipts by 54-FZ. It signs nothing."""

from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from ...providing import Connected, Connection, Network, OwnSettings, Provider, Webhook, networks
from . import webhook
from .adapter import YooKassa

#: Where it sends notifications from: https://yookassa.ru/developers/using-api/webhooks#ip
NETWORKS = (
    "185.71.76.0/27",
    "185.71.77.0/27",
    "77.75.153.0/25",
    "77.75.154.128/25",
    "77.75.156.11/32",
    "77.75.156.35/32",
    "2a02:5180::/32",
)


class YooKassaSettings(OwnSettings, env_prefix="FOYER_YOOKASSA_"):
    url: str = Field(default="https://api.yookassa.ru/v3", description="base address of API v3")
    shop_id: str = ""
    secret_key: SecretStr = SecretStr("")
    webhook_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=tuple(ip_network(item) for item in NETWORKS),
        description="CIDRs, comma separated: who may call the webhook",
    )

    @field_validator("webhook_networks", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        return networks(value)

    @property
    def is_set_up(self) -> bool:
        return bool(self.secret_key.get_secret_value())


def _connect(own: YooKassaSettings, connection: Connection) -> Connected:
    adapter = YooKassa(
        url=own.url, shop_id=own.shop_id, secret_key=own.secret_key.get_secret_value(), connection=connection
    )
    return Connected(adapter, adapter.close, receipts=adapter)


def _webhook(own: YooKassaSettings) -> Webhook:
    return Webhook(checked_by="its address is checked", read=webhook.read, networks=own.webhook_networks)


#: A refund's "succeeded" is final: https://yookassa.ru/developers/payment-acceptance/after-the-payment/refunds
PROVIDER = Provider(
    name="yookassa",
    ways=("bank_card", "sbp"),
    acquiring_percent=Decimal("2.8"),
    settings=YooKassaSettings,
    connect=_connect,
    webhook=_webhook,
    makes_receipts=True,
)
