"""How the mailbox can be made to misbehave."""

from typing import Literal

from pydantic import Field

from foyer_sandbox.switches import Counted, Switches


class MailFault(Counted):
    """Refuse the next `count` mails with this SMTP code; `to` limits it to recipients that contain it."""

    code: int = Field(default=451, ge=400, le=599)
    stage: Literal["rcpt", "data"] = "data"
    to: str = ""


class LostAnswer(Counted):
    """Take the next `count` mails, then drop the connection instead of answering 250."""

    to: str = ""


class MailboxSwitches(Switches):
    """`down` closes the SMTP port: connections are refused."""

    fail_next: list[MailFault] = Field(default_factory=list)
    lose_answer_next: list[LostAnswer] = Field(default_factory=list)
    down: bool = False
    answer_delay_seconds: float = Field(default=0, ge=0, le=300)
