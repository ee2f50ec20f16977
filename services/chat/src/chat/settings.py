from foyer_chassis.files.http import Files
from foyer_chassis.files.settings import FileSettings
from pydantic import Field

from .domain.files import MOST_LOOSE


class Settings(FileSettings):
    most_sockets: int = Field(default=2000, ge=1, description="WebSockets at once, per process; then close code 1013")

    def sent_files(self) -> Files:
        return self.files(most_files=MOST_LOOSE)
