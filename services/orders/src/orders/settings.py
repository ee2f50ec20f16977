from foyer_chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    longest_wait_seconds: int = Field(default=30, ge=0, description="upper bound of `Prefer: wait`")
    clock_seconds: float = Field(default=1.0, gt=0, description="between two looks for deadlines and orders to close")
