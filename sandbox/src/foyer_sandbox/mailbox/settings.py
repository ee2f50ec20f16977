"""What the mailbox needs from its environment."""

from pydantic import Field

from foyer_sandbox.settings import ProcessSettings


class MailboxSettings(ProcessSettings):
    """`port` is for the page and JSON, `smtp_port` for mail; mail is taken on the same host."""

    smtp_port: int = Field(ge=1, le=65535)
