"""Dialogs before an order (B27): what they are about, and why one cannot be had."""

from dataclasses import dataclass
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError


@dataclass(frozen=True, slots=True)
class Offering:
    """What chat knows of an offering of the catalogue."""

    offering_id: UUID
    title: str
    kind: str
    active: bool
    dialog_before_order: bool
    responsible_ids: tuple[UUID, ...]
    location_ids: tuple[UUID, ...]
    sequence: int


class UnknownOfferingError(InvalidError):
    """There is no such offering in the catalogue."""

    title_en = "There is no such offering"
    title_ru = "Такой услуги нет"


class DialogNotOfferedError(ConflictError):
    """This offering is ordered without a dialog before, or is no longer offered."""

    title_en = "No questions are taken about this offering"
    title_ru = "По этой услуге нельзя задать вопрос до заказа"


class DialogAlreadyOpenError(ConflictError):
    """You have an open dialog about this offering already; `dialog_id` names it: write there."""

    title_en = "You have a dialog about this offering already"
    title_ru = "По этой услуге у вас уже есть диалог"


class DraftAlreadyMadeError(ConflictError):
    """This dialog was turned into a draft already; `draft_id` names it: complete or discard it."""

    title_en = "There is a draft of this dialog already"
    title_ru = "По этому диалогу уже есть черновик заказа"


class AlreadyOrderedError(ConflictError):
    """This dialog became an order already; `order_id` names it."""

    title_en = "The dialog became an order already"
    title_ru = "Диалог уже стал заказом"


def askable(offering: Offering | None) -> Offering:
    """The offering, if a customer may open a dialog about it.

    Raises:
        UnknownOfferingError, DialogNotOfferedError
    """
    if offering is None:
        raise UnknownOfferingError(field="offering_id")
    if not offering.active or not offering.dialog_before_order:
        raise DialogNotOfferedError(field="offering_id")
    return offering
