"""What drafts hear: one line per subscription."""

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_chassis.log import get
from foyer_contracts.chat import DialogConverted
from foyer_contracts.envelope import Event

from ..catalogue.domain import UnknownOfferingError
from ..ordering.domain.order import Actor
from . import use_cases

_logger = get(__name__)


async def _on_converted(tx: Transaction, event: Event[DialogConverted]) -> None:
    """An operator turned a dialog into a draft (B27)."""
    data = event.data
    try:
        await use_cases.create_draft(
            tx,
            Actor("staff", data.operator_id),
            applicant_id=data.customer_id,
            offering_id=data.offering_id,
            conversation_id=data.conversation_id,
            content={},
            draft_id=data.draft_id,
        )
    except UnknownOfferingError:
        # It was taken out of the catalogue while they talked; there is nothing to order any more.
        _logger.warning("draft_without_offering", draft_id=str(data.draft_id), offering_id=str(data.offering_id))


SUBSCRIPTIONS = [Subscribe(DialogConverted, _on_converted)]
