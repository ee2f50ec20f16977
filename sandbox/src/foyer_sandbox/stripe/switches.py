"""How the Stripe stand-in can be made to misbehave."""

from typing import Literal

from pydantic import Field

from foyer_sandbox.switches import Fault, Switches


class StripeSwitches(Switches):
    """`lose_answer_next` POSTs do their work and lose their answer; `drop_webhooks` loses events for good."""

    answer_delay_seconds: float = Field(default=0, ge=0, le=300)
    fail_next: list[Fault] = Field(default_factory=list)
    lose_answer_next: int = Field(default=0, ge=0, le=1_000_000)
    drop_webhooks: bool = False
    webhook_duplicates: int = Field(default=1, ge=1, le=100)
    webhook_url: str | None = None
    refund_failure: Literal["off", "failed"] = "off"
    refund_pending_seconds: float = Field(default=0, ge=0, le=86_400)
