"""Who comes: found by name, phone or barcode (D6)."""

from dataclasses import dataclass
from uuid import UUID

from foyer_chassis.errors import ConflictError


class BarcodeTakenError(ConflictError):
    """Another visitor has this barcode."""

    title_en = "The barcode is taken"
    title_ru = "Этот штрихкод уже занят"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Attributes:
    customer_id: who they are when they sign in, if they do.
    barcode: of their card, as a scanner reads it.
    """

    id: UUID
    name: str
    phone: str | None
    barcode: str | None
    customer_id: UUID | None
    version: int
