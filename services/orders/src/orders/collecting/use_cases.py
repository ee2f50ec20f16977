from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction

from ..catalogue import store as catalogue
from ..ordering import use_cases as ordering
from ..ordering.domain.order import Line, LineState, Order
from ..ordering.use_cases.access import actor_for
from ..ordering.use_cases.placing import UnknownItemError
from . import domain


async def decide_line(
    transaction: Transaction,
    caller: Caller,
    number: int,
    line_id: UUID,
    *,
    state: LineState,
    item_id: UUID | None,
    quantity: int | None,
    if_version: int | None,
) -> Order:
    """A line of goods is collected, replaced by another item, or missing (A28).

    Raises:
        NotFoundError, ForbiddenError, StaleError, UnknownItemError, NotInThisStatusError, DearerError.
    """
    order = await ordering.visible_order(transaction, caller, number, lock=True)
    actor = actor_for(caller, order, as_applicant=False)
    ordering.check_version(order, if_version)
    replacement = None
    if state is LineState.REPLACED:
        assert item_id is not None
        items = await catalogue.goods_items(transaction, order.offering_id, [item_id])
        item = items.get(item_id)
        if item is None or not item.active or item.price.currency != order.currency:
            raise UnknownItemError(field="item_id")
        line = next((line for line in order.lines if line.id == line_id), None)
        count = quantity or (line.quantity if line is not None else 1)
        replacement = Line(item.title, count, item.price, item.price * count, item_id=item.id, sku=item.sku)
    change = domain.decide(order, line_id, state, actor, replacement=replacement)
    return await ordering.keep(transaction, order, change)
