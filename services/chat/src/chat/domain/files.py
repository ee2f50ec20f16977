"""Files that people send with their messages. A file is taken in first, and its author sends it with a message then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import InvalidError

from .conversations import SentFile, Thread

MOST_FILES_A_MESSAGE = 10
#: Of one person, that no message has yet; and how long such a file waits for one.
MOST_LOOSE = 20
LOOSE_FOR = timedelta(hours=24)


class UnknownFileError(InvalidError):
    """A message takes files that its author has put into the same thread, and each once."""

    title_en = "Unknown file"
    title_ru = "Нет такого файла"


class FileState(StrEnum):
    """`uploading` in the making; `loose` until its author sends it; `sent` with a message; `leaving` when nobody sees
    it any more and its content is yet to be deleted."""

    UPLOADING = "uploading"
    LOOSE = "loose"
    SENT = "sent"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class File:
    """Attributes:
    message_id: of the message that it was sent with.
    size_bytes, sha256: of its content, once it is there.
    lease_until: until when whoever uploads or deletes it is left alone, or it waits to be sent.
    """

    id: UUID
    conversation_id: UUID
    thread: Thread
    message_id: UUID | None
    author_id: UUID
    name: str
    media_type: str
    size_bytes: int | None
    sha256: bytes | None
    picture: bool
    state: FileState
    created_at: datetime
    lease_until: datetime | None

    @property
    def key(self) -> str:
        """Where its content is; made of ids alone, whatever its name is."""
        return f"conversations/{self.conversation_id}/{self.id}"

    @property
    def picture_key(self) -> str:
        return f"{self.key}.small"

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.picture_key, self.key)

    @property
    def sent(self) -> SentFile:
        assert self.size_bytes is not None
        return SentFile(self.id, self.name, self.media_type, self.size_bytes, self.picture)
