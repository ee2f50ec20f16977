from foyer_chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    most_sockets: int = Field(default=2000, ge=1, description="WebSockets at once, per process; then close code 1013")
