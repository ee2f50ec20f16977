"""A card that is forgotten here is forgotten by its provider, too, where that can be told."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Databases, Identity
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES

from .conftest import ANNA, STRIPE, Provider, StripeSide
from .sides import Till, till
from .test_accounts import ANNA_ID

KEY = {"Authorization": f"Bearer {STRIPE['FOYER_STRIPE_SECRET_KEY']}"}


@pytest.fixture
async def at(
    databases: Databases, identity: Identity, provider: Provider, stripe_side: StripeSide
) -> AsyncIterator[Till]:
    async with till("stripe", databases, identity, provider, stripe_side) as made:
        yield made


async def saved(at: Till, number: int = 1006313) -> str:
    """Anna pays and has the card kept; its token."""
    order_id = new_id()
    await at.shop.it.handle(at.shop.priced(order_id, number=number, pay_until=None))
    (row,) = await at.shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    await at.shop.post(ANNA, f"/invoices/{row['number']}/pay", {"save_card": True})
    await at.shop.it.turn("create")
    (row,) = await at.shop.rows(
        "SELECT provider_payment_id AS id FROM payments WHERE order_id = :o AND status = 'pending'", o=order_id
    )
    await at.act("pay", row["id"])
    await at.shop.later(minutes=1)
    await at.shop.it.turn("check")
    (row,) = await at.shop.rows("SELECT token FROM saved_cards")
    return str(row["token"])


async def holder(at: Till, token: str) -> str | None:
    """Whose card it is at Stripe."""
    answer = await at.client.get(f"/v1/payment_methods/{token.partition(':')[2]}", headers=KEY)
    found: str | None = answer.raise_for_status().json()["customer"]
    return found


async def forget(at: Till, who: str = "anna") -> int:
    client = at.shop.it.client("anna")
    (card,) = (await client.get("/v1/cards")).json()["items"]
    return (await at.shop.it.client(who).delete(f"/v1/cards/{card['id']}")).status_code


async def waiting(at: Till) -> list[UUID]:
    return [row["id"] for row in await at.shop.rows("SELECT id FROM forgotten_cards")]


@pytest.mark.feature("B20")
async def test_a_forgotten_card_is_detached_at_stripe(at: Till) -> None:
    token = await saved(at)
    assert await forget(at, "boris") == 404
    await at.shop.it.turn("detach")
    assert await holder(at, token) == token.partition(":")[0], "it is kept as long as its holder wants it"
    await at.trouble(failing=1)
    assert await forget(at) == 204
    assert (await at.shop.it.client("anna").get("/v1/cards")).json()["items"] == []
    await at.shop.it.turn("detach")
    assert await holder(at, token) is not None
    assert len(await waiting(at)) == 1, "Stripe could not be told yet"
    await at.shop.later(minutes=1)
    await at.shop.it.turn("detach")
    assert await holder(at, token) is None
    assert await waiting(at) == [], "nothing of it is here any more"


@pytest.mark.feature("B20")
@pytest.mark.parametrize("where", ["claimed", "asked"])
async def test_killed_while_stripe_is_told(at: Till, where: str) -> None:
    token = await saved(at)
    await forget(at)
    with at.killed(where):
        await at.shop.it.turn("detach")
    assert len(await waiting(at)) == 1
    await at.shop.later(hours=25)
    await at.shop.it.turn("detach")
    assert (await holder(at, token), await waiting(at)) == (None, [])


@pytest.mark.feature("B20")
async def test_the_same_card_saved_again_is_kept_once(at: Till) -> None:
    first = await saved(at)
    second = await saved(at, number=2)
    await at.shop.it.turn("detach")
    assert first != second
    assert (await holder(at, first), bool(await holder(at, second))) == (None, True)


@pytest.mark.parametrize("receipt", ["NULL", "'null'::jsonb"])
async def test_the_cards_of_an_erased_person_are_detached(at: Till, receipt: str) -> None:
    """Also who never had a receipt, as payments had it before and have it now."""
    token = await saved(at)
    async with at.shop.it.database.transaction() as transaction:
        await transaction.execute(sa.text(f"UPDATE payments SET receipt = {receipt}"))
    data = SAMPLES["orders.customer.changed.v1"].data.model_copy(update={"customer_id": ANNA_ID, "erased": True})
    await at.shop.it.handle_twice(Event.make(data, subject=ANNA_ID, sequence=3, time=at.shop.it.database.now()))
    await at.shop.it.turn("detach")
    assert (await holder(at, token), await waiting(at)) == (None, [])
    assert await at.shop.rows("SELECT choice FROM payments WHERE choice <> '{}' OR receipt IS NOT NULL") == []


async def test_after_all_attempts_a_person_has_to_look(at: Till, capfd: pytest.CaptureFixture[str]) -> None:
    token = await saved(at)
    await forget(at)
    (await at.client.patch("/sandbox/switches", json={"fail_next": [{"status": 500, "count": 50}]})).raise_for_status()
    for _ in range(12):
        await at.shop.it.turn("detach")
        await at.shop.later(hours=49)
    (row,) = await at.shop.rows("SELECT attempts, failure, next_at FROM forgotten_cards")
    assert (row["attempts"], row["next_at"], bool(row["failure"])) == (9, None, True)
    said = "".join(capfd.readouterr())
    assert "card_not_detached" in said
    assert token.partition(":")[2] not in said


async def test_where_a_provider_cannot_be_told_the_token_only_goes_from_here(
    databases: Databases, identity: Identity, provider: Provider, stripe_side: StripeSide
) -> None:
    async with till("yookassa", databases, identity, provider, stripe_side) as at:
        await saved(at)
        assert await forget(at) == 204
        assert await waiting(at) == []
