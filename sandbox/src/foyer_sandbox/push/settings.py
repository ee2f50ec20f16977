"""What only the push process needs."""

from pydantic import Field

from foyer_sandbox.settings import ProcessSettings


class PushSettings(ProcessSettings):
    """Keys that senders must show; empty ones are accepted by nobody."""

    rustore_project_id: str = Field(default="", validation_alias="FOYER_RUSTORE_PROJECT_ID")
    rustore_service_token: str = Field(default="", validation_alias="FOYER_RUSTORE_SERVICE_TOKEN")
    smsc_api_key: str = Field(default="", validation_alias="FOYER_SMSC_API_KEY")
    telegram_bot_token: str = Field(default="", validation_alias="FOYER_TELEGRAM_BOT_TOKEN")
    apns_port: int = Field(default=0, ge=0, le=65535, description="0: Apple's service is not there")
