from foyer_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Chat needs nothing of its own from outside."""
