"""What the Stripe stand-in needs from its environment."""

from pydantic import Field

from foyer_sandbox.settings import ProcessSettings


class StripeSettings(ProcessSettings):
    """Credentials have the names that the shop's own service uses, so that both read one environment."""

    webhook_url: str = Field(default="", validation_alias="FOYER_SANDBOX_STRIPE_WEBHOOK_URL")
    secret_key: str = Field(min_length=1, validation_alias="FOYER_STRIPE_SECRET_KEY")
    webhook_secret: str = Field(min_length=1, validation_alias="FOYER_STRIPE_WEBHOOK_SECRET")
