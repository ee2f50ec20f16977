"""The applicant's rating of an order that is done (B29); staff read it on the card (B11)."""

from fastapi import APIRouter, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.http import InTransaction, etag
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from ..ordering import use_cases as ordering
from ..ordering.domain import processing
from ..ordering.routes.cards import OrderNumber, OrderOut, card

router = APIRouter(prefix="/v1", tags=["ratings"])


class RatingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rating: StrictInt = Field(ge=1, le=5)
    text: str | None = Field(default=None, max_length=2000)


@router.put("/orders/{number}/rating", dependencies=[requires("orders:act_own")])
async def put_rating(
    number: OrderNumber, body: RatingIn, transaction: InTransaction, caller: CurrentCaller, response: Response
) -> OrderOut:
    """Rate the order, or change the rating: the applicant alone, whenever it is done."""
    order = await ordering.change_order(
        transaction,
        caller,
        number,
        lambda order, _: processing.rate(order, body.rating, body.text, transaction.now),
        as_applicant=True,
    )
    response.headers["ETag"] = etag(order.version)
    return await card(transaction, order, caller)
