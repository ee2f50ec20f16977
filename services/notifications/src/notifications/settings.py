import re
from pathlib import Path
from typing import Literal, Self

from foyer_chassis.settings import ServiceSettings
from pydantic import Field, SecretStr, model_validator

#: https://core.telegram.org/bots/api#setwebhook
_TELEGRAM_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Settings(ServiceSettings):
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_username: str = Field(default="", description="none: no authentication")
    smtp_password: SecretStr = SecretStr("")
    smtp_security: Literal["opportunistic", "starttls", "tls"] = Field(
        default="opportunistic", description="STARTTLS where the server offers it; STARTTLS always; TLS from the start"
    )
    mail_from: str = Field(
        default="Foyer <no-reply@localhost>", description="sender; its domain is in every Message-ID"
    )

    fcm_url: str = Field(default="https://fcm.googleapis.com", description="base address of FCM HTTP v1")
    fcm_credentials_file: Path | None = Field(
        default=None, description="a Google service account's JSON; none: no push is sent, deliveries are skipped"
    )

    rustore_url: str = Field(default="https://vkpns.rustore.ru", description="base address of RuStore's push API")
    rustore_project_id: str = Field(default="", pattern="^[A-Za-z0-9_-]*$", description="none: no push by RuStore")
    rustore_service_token: SecretStr = SecretStr("")
    apns_url: str = Field(
        default="https://api.push.apple.com", description="base address of APNs; builds for testing have another"
    )
    apns_key_file: Path | None = Field(default=None, description="signing key of the team (.p8); none: no push by APNs")
    apns_key_id: str = Field(default="", pattern="^[A-Z0-9]*$", description="of the signing key, ten characters")
    apns_team_id: str = Field(default="", pattern="^[A-Z0-9]*$", description="ten characters")
    apns_topic: str = Field(default="", pattern="^[A-Za-z0-9.-]*$", description="the app's bundle id")
    vapid_private_key: SecretStr = Field(
        default=SecretStr(""), description="32 bytes in base64url, a P-256 key (RFC 8292); none: no push to browsers"
    )
    vapid_subject: str = Field(
        default="mailto:no-reply@localhost", pattern="^(mailto:|https:)", description="where push services can reach us"
    )
    web_push_to_private_networks: bool = Field(
        default=False,
        description="allow push services at private addresses and by plain HTTP; for a developer's machine",
    )

    smsc_url: str = Field(default="https://smsc.ru", description="base address of SMSC's HTTP API")
    smsc_api_key: SecretStr = Field(default=SecretStr(""), description="none: no text messages")
    smsc_sender: str = Field(default="", description="name that was agreed with the provider; none: the account's own")
    sms_most_segments: int = Field(default=3, ge=1, le=10, description="parts of one text message, each is paid for")

    telegram_url: str = Field(default="https://api.telegram.org", description="base address of the Bot API")
    telegram_bot_token: SecretStr = Field(default=SecretStr(""), description="none: no messages by Telegram")
    telegram_bot_name: str = Field(default="", pattern="^[A-Za-z0-9_]*$", description="the bot's user name, without @")
    telegram_webhook_url: str = Field(
        default="",
        pattern="^(https?://.*/v1/telegram/webhook)?$",
        description="our own address, as Telegram is to call it; workers tell it; none: somebody has told it by hand",
    )
    telegram_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="the `secret_token` that the bot's webhook was set with; none: refused"
    )

    send_timeout_seconds: float = Field(default=15, gt=0, description="for one mail or one device, with connecting")
    send_concurrency: int = Field(default=16, ge=1, description="deliveries under way at once")
    lease_seconds: float = Field(
        default=60, gt=0, description="after which another worker takes over what a killed one had claimed"
    )
    clock_seconds: float = Field(
        default=0.5, gt=0, description="how often due deliveries are looked for when not woken"
    )
    send_retry_seconds: tuple[float, ...] = Field(
        default=(1, 5, 30, 120, 600, 1800, 3600, 3600, 3600),
        description="pause before each further attempt; then the delivery has failed",
    )
    burst_seconds: float = Field(
        default=60,
        ge=0,
        description="after a message, what is not urgent for that person by that channel waits and goes out as one",
    )
    remind_start_minutes: float = Field(default=60, gt=0, description="before the booked time begins")
    remind_hold_minutes: float = Field(
        default=5, gt=0, description="before a hold expires; holds shorter than twice that have no reminder"
    )
    remind_invoice_hours: float = Field(default=24, gt=0, description="after an invoice was shown and is not paid")
    remind_rating_hours: float = Field(default=24, gt=0, description="after an order was done and is not rated")
    webhooks_to_private_networks: bool = Field(
        default=False,
        description="allow webhooks to private addresses and by plain HTTP; not where strangers subscribe",
    )
    webhook_timeout_seconds: float = Field(default=15, gt=0, description="for one call, with connecting")
    webhook_concurrency: int = Field(default=8, ge=1, description="calls under way at once")
    forget_feed_days: float = Field(default=365, gt=0, description="entries of the feed go when they are older")
    forget_deliveries_days: float = Field(
        default=180, ge=14, description="deliveries that are over go when they are older; longer than events come again"
    )
    forget_webhooks_days: float = Field(
        default=30, ge=14, description="what was sent to webhooks goes when it is older, longer than events come again"
    )
    feed_streams: int = Field(default=500, ge=1, description="live feeds that one API process keeps open")
    contact_wait_seconds: float = Field(
        default=60, ge=0, description="how long a delivery waits for its recipient's address; then it is skipped"
    )
    facts_wait_seconds: float = Field(
        default=10, ge=0, description="how long it waits for places, price or number; then the shorter text is sent"
    )

    @model_validator(mode="after")
    def _lease_outlives_sending(self) -> Self:
        if self.lease_seconds <= 2 * self.send_timeout_seconds:
            raise ValueError("lease_seconds must be more than twice send_timeout_seconds")
        return self

    @model_validator(mode="after")
    def _telegram_can_be_told(self) -> Self:
        secret = self.telegram_webhook_secret.get_secret_value()
        if secret and not _TELEGRAM_SECRET.fullmatch(secret):
            raise ValueError("telegram_webhook_secret has 1 to 256 of A-Z, a-z, 0-9, _ and -")
        if self.telegram_webhook_url and not (secret and self.telegram_bot_token.get_secret_value()):
            raise ValueError("telegram_webhook_url needs telegram_bot_token and telegram_webhook_secret beside it")
        return self

    @model_validator(mode="after")
    def _apns_is_whole(self) -> Self:
        if self.apns_key_file is not None and not (self.apns_key_id and self.apns_team_id and self.apns_topic):
            raise ValueError("apns_key_file needs apns_key_id, apns_team_id and apns_topic beside it")
        return self
