"""Files that staff attach to an order (B9)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class FileState(StrEnum):
    """`uploading` in the making; `leaving` when nobody sees it any more and its content is yet to be deleted."""

    UPLOADING = "uploading"
    STORED = "stored"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class File:
    """A file of an order. Size and digest are known once it is stored.

    Attributes:
        media_type: what its content is.
        lease_until: until when whoever uploads or deletes it is left alone.
    """

    id: UUID
    order_id: UUID
    name: str
    media_type: str
    size_bytes: int | None
    sha256: bytes | None
    state: FileState
    author_id: UUID
    author_name: str
    created_at: datetime
    lease_until: datetime | None

    @property
    def key(self) -> str:
        """Where its content is; made of ids alone, whatever its name is."""
        return f"orders/{self.order_id}/{self.id}"

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)
