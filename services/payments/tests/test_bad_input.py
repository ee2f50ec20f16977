"""What people and programs may send that is no good: a clear refusal, never a failure of ours."""

from typing import Any
from uuid import UUID

import pytest
from foyer_contracts.ids import new_id

from .conftest import ANNA, FINANCE, SERVICE_MANAGER, Shop

HUGE = {"amount": 10**15, "currency": "RUB"}
NUL = "a\x00b"


@pytest.mark.parametrize(
    ("who", "path", "body"),
    [
        (FINANCE, "/legal-entities", {"name": NUL}),
        (FINANCE, "/legal-entities", {"name": "x", "commission_percent": "NaN"}),
        (FINANCE, "/legal-entities", {"name": "x", "currency": "rub"}),
        (FINANCE, f"/orders/{UUID(int=1)}/refunds", {"reason": NUL}),
        (ANNA, f"/orders/{UUID(int=1)}/refund-requests", {"reason": "x", "amount": HUGE}),
        (ANNA, "/top-ups", {"amount": HUGE}),
        (ANNA, "/top-ups", {"amount": {"amount": 10**30, "currency": "RUB"}}),
        (ANNA, "/top-ups", {"amount": {"amount": 1.5, "currency": "RUB"}}),
        (ANNA, "/top-ups", [1]),
        (SERVICE_MANAGER, f"/orders/{UUID(int=1)}/invoices", {"positions": []}),
        (SERVICE_MANAGER, f"/orders/{UUID(int=1)}/invoices", {"positions": [{"position_id": "x"}]}),
        (SERVICE_MANAGER, f"/invoices/{2**70}/activate", {}),
        (SERVICE_MANAGER, "/invoices/1/take", {"method": "cash", "amount": {"amount": 1, "currency": "R"}}),
        (SERVICE_MANAGER, "/invoices/1/cancel", {"reason": NUL}),
    ],
)
async def test_refused_and_not_failed(shop: Shop, who: tuple[str, ...], path: str, body: Any) -> None:
    answer = await shop.post(who, path, body)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query", ["/payments?kind=%00", "/payments?before=x", "/settlements?since=x", "/accounts/x", "/top-ups?limit=0"]
)
async def test_queries(shop: Shop, query: str) -> None:
    assert (await shop.it.client(*FINANCE).get(f"/v1{query}")).status_code == 422


async def test_an_invoice_beyond_all_bounds(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id))
    position = await shop.position(await shop.seller(), 10**15)
    wanted = [{"position_id": position, "quantity": 1_000_000}] * 100
    answer = await shop.post(SERVICE_MANAGER, f"/orders/{order_id}/invoices", {"positions": wanted})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "amount-too-large")
