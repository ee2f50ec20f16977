"""What every sandbox process needs from its environment."""

from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProcessSettings(BaseSettings):
    """Environment with the prefix `FOYER_SANDBOX_`.

    `public_url` is what browsers open and what the process says about itself; by default `http://127.0.0.1:PORT`.
    `state_dir` holds the process's sqlite file; a process killed with -9 goes on from there.
    """

    model_config = SettingsConfigDict(env_prefix="FOYER_SANDBOX_", extra="ignore", populate_by_name=True)

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    public_url: str = ""
    state_dir: Path
    log_level: str = Field(default="info", validation_alias="FOYER_LOG_LEVEL")

    @model_validator(mode="after")
    def _fill_public_url(self) -> "ProcessSettings":
        self.public_url = (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")
        return self
