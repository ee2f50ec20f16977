from foyer_chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    hold_ttl_seconds: int = Field(default=900, ge=1, description="for resources that set no hold time of their own")
    clock_seconds: float = Field(default=0.5, gt=0, description="how often due holds, starts and ends are looked for")
