"""An order being prepared (B27): by an operator from a dialog, or by the customer; completed by either."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from foyer_chassis.errors import ConflictError


class DraftStatus(StrEnum):
    OPEN = "open"
    ORDERED = "ordered"
    DISCARDED = "discarded"


class DraftClosedError(ConflictError):
    """The draft is an order already, or was given up."""

    title_en = "The draft is closed"
    title_ru = "Черновик закрыт"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Attributes:
    kind: of the offering; decides whose role it is for.
    content: what is known so far, as the request to place an order has it; checked when it is submitted.
    order_number: of the order that it became.
    """

    id: UUID
    applicant_id: UUID
    offering_id: UUID
    offering_title: str
    kind: str
    conversation_id: UUID | None
    content: Mapping[str, Any]
    status: DraftStatus
    order_number: int | None = None
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    version: int

    def check_open(self) -> None:
        """Raises DraftClosedError."""
        if self.status is not DraftStatus.OPEN:
            raise DraftClosedError(
                state={"status": self.status.value, "order_number": self.order_number, "version": self.version}
            )
