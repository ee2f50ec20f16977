"""Who comes: found by name, phone or barcode (D6)."""

from dataclasses import dataclass
from uuid import UUID

from foyer_chassis.errors import ConflictError, TooManyRequestsError


class BarcodeTakenError(ConflictError):
    """Another visitor has this barcode."""

    title_en = "The barcode is taken"
    title_ru = "Этот штрихкод уже занят"


class TooManySearchesError(TooManyRequestsError):
    """Too many searches; wait a minute."""

    title_en = "Too many searches"
    title_ru = "Слишком много поисковых запросов"


#: Searches of one member of staff in a minute: enough for whoever types, too few to read out the directory.
MOST_SEARCHES = 60


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
