"""Ready-made texts."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Template:
    """A text that staff may begin a message with; `version` is +1 with every change."""

    id: UUID
    title: str
    text: str
    version: int
