"""A third payment provider is one folder: `third/nova`, laid beside the two that there are, and nothing else."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import payments.providers
import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from foyer_chassis.testing import Databases, Identity
from foyer_sandbox.testing import free_port
from payments.auditing.use_cases import replay
from payments.providing import Connection, ProviderBrokenError, Webhook, found
from payments.settings import Settings
from pydantic import ValidationError

from . import conftest
from .conftest import ANNA, FINANCE, Shop, opened, rub
from .test_checkout import RECEIPTS

TOKEN = "nova_secret"
ABOUT: dict[str, Any] = {
    "database_url": "postgresql://nobody@localhost/none",
    "amqp_url": "amqp://nobody@localhost/",
    "oidc_issuer": "https://identity.test",
    "oidc_jwks_url": "https://identity.test/jwks",
}


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder is there."""
    beside = str(Path(__file__).parent / "third")
    monkeypatch.setattr(payments.providers, "__path__", [*payments.providers.__path__, beside])
    yield
    for name in [name for name in sys.modules if name.startswith("payments.providers.nova")]:
        del sys.modules[name]
    if hasattr(payments.providers, "nova"):
        del payments.providers.nova


@pytest.fixture
async def bank() -> AsyncIterator[SimpleNamespace]:
    """Nova itself: what it was asked for, by id, and its address."""
    kept = SimpleNamespace(
        payments={}, refunds={}, receipts={}, forgotten={}, disputes={}, url=f"http://127.0.0.1:{(port := free_port())}"
    )
    app = FastAPI()

    def checked(request: Request) -> None:
        if request.headers.get("authorization") != TOKEN:
            raise HTTPException(401)

    @app.put("/{kind}/{id_}")
    async def put(kind: str, id_: str, request: Request) -> Any:
        checked(request)
        known = getattr(kept, kind)
        page = {"id": id_, "paid": False, "page": f"{kept.url}/pages/{id_}"}
        return known.setdefault(id_, {**page, **await request.json()})

    @app.get("/{kind}/{id_}")
    async def get(kind: str, id_: str, request: Request) -> Any:
        checked(request)
        return getattr(kept, kind)[id_]

    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield kept
    server.should_exit = True
    await serving


@pytest.fixture
async def shop(
    third: None,
    databases: Databases,
    identity: Identity,
    provider: conftest.Provider,
    bank: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    monkeypatch.setenv("FOYER_NOVA_URL", bank.url)
    monkeypatch.setenv("FOYER_NOVA_TOKEN", TOKEN)
    async with opened(databases, identity, provider) as made:
        yield made


async def notify(shop: Shop, their_id: str, *, about: str = "payment", secret: str = TOKEN) -> int:
    body = json.dumps({about: their_id}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Nova-Signature": signature}
    answer = await shop.it.client().post("/v1/webhooks/nova", content=body, headers=headers)
    return answer.status_code


def test_settings_take_it_and_read_its_own(third: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(found()) == ["nova", "stripe", "yookassa"]
    monkeypatch.setenv("FOYER_PAYMENT_PROVIDER", "nova")
    bare = Settings(**ABOUT)
    assert (bare.payment_provider, bare.set_up) == ("nova", ())
    assert bare.acquiring_percent["nova"] == Decimal("1.5")
    monkeypatch.setenv("FOYER_NOVA_TOKEN", TOKEN)
    monkeypatch.setenv("FOYER_ACQUIRING_PERCENT", '{"nova": "1.2"}')
    known = Settings(**ABOUT)
    assert (known.set_up, TOKEN not in repr(known.own("nova"))) == (("nova",), True)
    assert known.acquiring_percent == {"nova": Decimal("1.2"), "stripe": Decimal("2.9"), "yookassa": Decimal("2.8")}


def test_where_there_is_no_such_folder_its_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(found()) == ["stripe", "yookassa"]
    monkeypatch.setenv("FOYER_PAYMENT_PROVIDER", "nova")
    with pytest.raises(ValidationError, match=r"payment_provider is one of \['stripe', 'yookassa'\]"):
        Settings(**ABOUT)
    monkeypatch.setenv("FOYER_PAYMENT_PROVIDER", "stripe")
    monkeypatch.setenv("FOYER_ACQUIRING_PERCENT", '{"nova": "1.2"}')
    with pytest.raises(ValidationError, match=r"\['nova'\]: providers are \['stripe', 'yookassa'\]"):
        Settings(**ABOUT)


async def test_a_seller_cannot_choose_what_is_not_there(databases: Any, identity: Any, provider: Any) -> None:
    async with opened(databases, identity, provider) as shop:
        refused = await shop.post(FINANCE, "/legal-entities", {"name": "x", "payment_provider": "nova"})
        assert (refused.status_code, refused.json()["type"]) == (
            422,
            "https://foyer.dev/problems/provider-unknown",
        )
        assert refused.json()["allowed"] == [None, "yookassa"]
        assert await notify(shop, "x") == 404
        assert "nova" not in json.dumps(shop.it.app.openapi())


@pytest.mark.feature("B16")
@pytest.mark.feature("B20")
@pytest.mark.feature("B21")
async def test_a_seller_is_paid_there_and_gives_back(shop: Shop, bank: SimpleNamespace) -> None:
    api = json.dumps(shop.it.app.openapi()["components"]["schemas"])
    assert '"enum": ["nova", "stripe", "yookassa"]' in api
    assert '"enum": ["wallet", "bank_card", "sbp"]' in api
    seller = await shop.seller(payment_provider="nova")
    kept = (await shop.it.client(*FINANCE).get(f"/v1/legal-entities/{seller}")).json()
    assert kept["payment_provider"] == "nova"

    order_id = await shop.with_link(legal_entity_id=UUID(seller))
    (row,) = await shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    anna = shop.it.client("anna")
    checkout = (await anna.get(f"/v1/invoices/{row['number']}/checkout")).json()
    assert checkout["ways"] == ["wallet"]
    refused = await shop.post(("anna",), f"/invoices/{row['number']}/pay", {"way": "sbp"})
    assert (refused.status_code, refused.json()["allowed"]) == (422, ["wallet"])
    assert (await shop.post(("anna",), f"/invoices/{row['number']}/pay", {"way": "wallet"})).status_code == 202
    await shop.it.turn("create")
    invoice = (await anna.get(f"/v1/invoices/{row['number']}")).json()
    payment_id = invoice["payments"][-1]["id"]
    assert invoice["link"] == f"{bank.url}/pages/{payment_id}"
    assert (bank.payments[payment_id]["way"], f"payment_id={payment_id}" in bank.payments[payment_id]["back_to"]) == (
        "wallet",
        True,
    )

    bank.payments[payment_id]["paid"] = True
    assert await notify(shop, payment_id, secret="forged") == 403
    await shop.it.turn("check")
    assert await shop.account(order_id) == (0, 0, 0), "nobody has hinted yet"
    assert [await notify(shop, payment_id) for _ in range(2)] == [200, 200]
    await shop.it.turn("check")
    assert await shop.account(order_id) == (40000, 0, 0)
    await shop.it.turn("settle")
    settled = (await shop.it.client(*FINANCE).get("/v1/settlements")).json()["items"]
    assert [item["acquiring"]["amount"] for item in settled] == [600]

    await shop.it.handle(shop.moved(order_id, "in_work"))
    body = {"amount": rub(12000).model_dump(), "reason": "Передумали"}
    assert (await shop.post(FINANCE, f"/orders/{order_id}/refunds", body)).status_code == 201
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 12000, 0)
    assert [item["amount"]["amount"] for item in bank.refunds.values()] == [12000]
    (booked,) = await shop.rows("SELECT sum(amount)::int AS sum FROM ledger_postings WHERE account = 'provider:nova'")
    assert booked["sum"] == 28000
    async with shop.it.database.transaction() as transaction:
        assert (await replay(transaction)).differences == []


async def paid_there(shop: Shop, bank: SimpleNamespace, **pay: Any) -> tuple[UUID, str]:
    """An order of a seller with receipts, paid at nova: the order and the payment."""
    seller = await shop.seller(payment_provider="nova", receipts=RECEIPTS)
    order_id = await shop.it_was_priced(legal_entity_id=UUID(seller))
    (row,) = await shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    assert (await shop.post(ANNA, f"/invoices/{row['number']}/pay", pay)).status_code == 202
    await shop.it.turn("create")
    (row,) = await shop.rows("SELECT id FROM payments WHERE order_id = :o AND status = 'pending'", o=order_id)
    bank.payments[str(row["id"])]["paid"] = True
    assert await notify(shop, str(row["id"])) == 200
    await shop.it.turn("check")
    assert await shop.account(order_id) == (40000, 0, 0)
    return order_id, str(row["id"])


@pytest.mark.feature("X6")
async def test_it_makes_the_receipts_of_what_was_paid_there(shop: Shop, bank: SimpleNamespace) -> None:
    order_id, payment_id = await paid_there(shop, bank)
    assert bank.payments[payment_id]["receipt"]["mode"] == "full_prepayment"
    await shop.it.handle_twice(shop.placed(order_id), shop.moved(order_id, "done", sequence=9))
    await shop.it.turn("close_receipt")
    (made,) = bank.receipts.values()
    assert (made["of"], made["mode"], [item["total"] for item in made["items"]]) == (
        payment_id,
        "full_payment",
        [40000],
    )


@pytest.mark.feature("B20")
async def test_it_forgets_the_cards_that_it_kept(shop: Shop, bank: SimpleNamespace) -> None:
    _, payment_id = await paid_there(shop, bank, save_card=True)
    anna = shop.it.client("anna")
    (card,) = (await anna.get("/v1/cards")).json()["items"]
    assert card["title"] == "Nova *0001"
    assert (await anna.delete(f"/v1/cards/{card['id']}")).status_code == 204
    await shop.it.turn("detach")
    assert list(bank.forgotten) == [f"card-of-{payment_id}"]


@pytest.mark.feature("B7")
async def test_it_tells_of_disputes_and_what_they_cost(shop: Shop, bank: SimpleNamespace) -> None:
    _, payment_id = await paid_there(shop, bank)
    bank.disputes["d1"] = {
        "payment": payment_id,
        "status": "lost",
        "amount": rub(40000).model_dump(),
        "fee": rub(700).model_dump(),
    }
    assert [await notify(shop, "d1", about="dispute") for _ in range(2)] == [200, 200]
    await shop.it.turn("dispute")
    await shop.it.turn("settle")
    (item,) = (await shop.it.client(*FINANCE).get("/v1/disputes")).json()["items"]
    assert (item["provider"], item["status"], item["fee"]["amount"]) == ("nova", "lost", 700)
    (settled,) = (await shop.it.client(*FINANCE).get("/v1/settlements")).json()["items"]
    assert [settled[name]["amount"] for name in ("gross", "acquiring", "chargebacks", "net")] == [
        40000,
        600,
        40700,
        -1300,
    ]


async def test_what_waits_for_a_provider_that_was_taken_away_goes_on_waiting(shop: Shop, databases: Any) -> None:
    """And where the seller's checkout is looked at, it offers nothing."""
    seller = await shop.seller(payment_provider="nova")
    order_id = await shop.it_was_priced(legal_entity_id=UUID(seller))
    clock = shop.it.loops["create"].step.__self__.work.__self__  # type: ignore[attr-defined]
    without = {name: item for name, item in clock._providers.items() if name != "nova"}
    shop.it.settings._providers.pop("nova")  # type: ignore[attr-defined]
    clock._providers, there = without, clock._providers
    await shop.it.turn("create")
    (row,) = await shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    checkout = await shop.it.client("anna").get(f"/v1/invoices/{row['number']}/checkout")
    assert (checkout.status_code, checkout.json()["ways"]) == (200, [])
    clock._providers = there
    await shop.later(minutes=1)
    await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created"]


def test_what_a_provider_says_of_itself_it_does(third: None) -> None:
    nova = found()["nova"]
    for claiming in (replace(nova, makes_receipts=False), replace(nova, detaches_cards=False)):
        with pytest.raises(ProviderBrokenError):
            claiming.connected(nova.settings(), Connection("http://127.0.0.1/", timeout_seconds=1, connections=1))


def test_a_folder_that_is_no_provider_stops_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "__init__.py").write_text("")
    monkeypatch.setattr(payments.providers, "__path__", [*payments.providers.__path__, str(tmp_path)])
    with pytest.raises(ProviderBrokenError, match="half"):
        Settings(**ABOUT)
    sys.modules.pop("payments.providers.half", None)
    with pytest.raises(ProviderBrokenError, match="anybody"):
        Webhook("nothing is checked", lambda _: None)  # type: ignore[arg-type,return-value]
