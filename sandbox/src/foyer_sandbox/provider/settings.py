"""What the provider needs from its environment."""

from pydantic import Field

from foyer_sandbox.settings import ProcessSettings


class ProviderSettings(ProcessSettings):
    """Shop credentials have the names that the shop's own service uses, so that both read one environment."""

    webhook_url: str = ""
    shop_id: str = Field(min_length=1, validation_alias="FOYER_YOOKASSA_SHOP_ID")
    secret_key: str = Field(min_length=1, validation_alias="FOYER_YOOKASSA_SECRET_KEY")
