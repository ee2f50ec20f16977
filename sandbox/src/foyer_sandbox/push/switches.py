"""How the push gateway can be made to misbehave."""

from pydantic import Field

from foyer_sandbox.switches import Fault, Switches


class PushSwitches(Switches):
    """`fail_next` fails requests by path; `unregistered` are device tokens whose app was removed
    (`unregistered_seconds_ago`, which only Apple tells), `sms_errors` the next
    error codes of the text messages' provider, `telegram_blocked` chats of people who blocked the bot."""

    answer_delay_seconds: float = Field(default=0, ge=0, le=300)
    fail_next: list[Fault] = Field(default_factory=list)
    unregistered: list[str] = Field(default_factory=list, max_length=100_000)
    unregistered_seconds_ago: float = Field(default=0, ge=0)
    sms_errors: list[int] = Field(default_factory=list, max_length=1_000)
    telegram_blocked: list[int] = Field(default_factory=list, max_length=100_000)
