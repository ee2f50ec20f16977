"""How the provider can be made to misbehave."""

from typing import Any, Literal

from pydantic import Field, field_validator

from foyer_sandbox.switches import Counted, Fault, Switches


class LostAnswer(Counted):
    """Do the work of the next `count` matching requests, then cut the connection or answer 500."""

    path_prefix: str = "/v3/"
    method: Literal["POST", "GET"] = "POST"
    how: Literal["drop", "500"] = "drop"


class ProviderSwitches(Switches):
    """All switches; seconds unless named otherwise. The defaults are a well-behaved provider.

    `webhook_duplicates` is how many copies of each notification are posted at once. `webhook_before_answer` posts a
    notification before the answer to the request that caused it. `drop_webhooks` loses them (a redelivery still
    works). `pay_on_create` pays or declines each payment before its creation is answered. `refund_pending_seconds`
    is how long a refund stays `pending`. `webhook_url` replaces the address of the environment.
    `payment_expiry_seconds` and `capture_expiry_seconds` count for payments made, or confirmed, from then on.
    """

    answer_delay_seconds: float = Field(default=0, ge=0, le=300)
    webhook_delay_seconds: float = Field(default=0, ge=0, le=86_400)
    webhook_duplicates: int = Field(default=1, ge=1, le=100)
    webhook_before_answer: bool = False
    drop_webhooks: bool = False
    webhook_url: str | None = None
    fail_next: list[Fault] = Field(default_factory=list)
    lose_answer_next: list[LostAnswer] = Field(default_factory=list)
    payment_expiry_seconds: float = Field(default=3_600, gt=0, le=604_800)
    capture_expiry_seconds: float = Field(default=604_800, gt=0, le=2_592_000)
    pay_on_create: Literal["off", "pay", "decline"] = "off"
    refund_failure: Literal["off", "canceled", "http_500"] = "off"
    refund_pending_seconds: float = Field(default=0, ge=0, le=86_400)

    @field_validator("lose_answer_next", mode="before")
    @classmethod
    def _number_means_any_post(cls, value: Any) -> Any:
        """`3` is short for the next three POSTs, dropped; `0` and `false` for none."""
        if isinstance(value, int):
            return [{"count": int(value)}] if value > 0 else []
        return value
