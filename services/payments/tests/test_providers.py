"""One suite for every provider: the adapters against their stand-ins. A third one is a line in `SIDES`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from foyer_sandbox.testing import free_port
from payments.paying.domain import Choice, ProviderRefusedError, ProviderUnclearError
from payments.providing import Adapter, Connected, Connection, found

from .conftest import SHOP, STRIPE, Provider, StripeSide, rub
from .test_yookassa import payment, refund

SIDES = ["yookassa", "stripe"]
SECRETS = {
    "yookassa": {"shop_id": SHOP["FOYER_YOOKASSA_SHOP_ID"], "secret_key": SHOP["FOYER_YOOKASSA_SECRET_KEY"]},
    "stripe": {"secret_key": STRIPE["FOYER_STRIPE_SECRET_KEY"]},
}


@dataclass
class Side:
    """A provider's adapter and what its payers do."""

    name: str
    url: str
    theirs: Any
    secrets: dict[str, str]
    closing: list[Connected]

    def adapter(self, *, url: str | None = None, two_stage: bool = False, secret: str | None = None) -> Adapter:
        provider = found()[self.name]
        own = {"url": url or self.url, **self.secrets, **({"secret_key": secret} if secret else {})}
        connection = Connection("http://127.0.0.1/back", timeout_seconds=0.5, connections=4, two_stage=two_stage)
        made = provider.connected(provider.settings(**own), connection)
        self.closing.append(made)
        return made.adapter

    async def fail(self, status: int) -> None:
        await self.theirs.switch(fail_next=[{"status": status, "retry_after_seconds": 7}])


@pytest.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest, provider: Provider, stripe_side: StripeSide) -> AsyncIterator[Side]:
    name = request.param
    theirs = provider if name == "yookassa" else stripe_side
    made = Side(name, theirs.process.url + ("/v3" if name == "yookassa" else ""), theirs, SECRETS[name], [])
    yield made
    for adapter in made.closing:
        await adapter.close()


async def paid(side: Side, adapter: Adapter, **changes: Any) -> Any:
    """A payment that its payer paid: ours, with their id."""
    ours = payment(provider=side.name, **changes)
    made = await adapter.create_payment(ours)
    await side.theirs.act("pay", made.id)
    return replace(ours, provider_payment_id=made.id)


@pytest.mark.feature("X3")
async def test_from_the_page_to_the_refund(side: Side) -> None:
    adapter = side.adapter()
    ours = payment(provider=side.name)
    made = await adapter.create_payment(ours)
    assert (made.status, made.our_id, made.amount, bool(made.link)) == ("pending", ours.id, rub(12345), True)
    assert (await adapter.create_payment(ours)).id == made.id, "the same key, the same payment"
    await side.theirs.act("pay", made.id)
    found = await adapter.get_payment(made.id)
    assert (found.id, found.our_id, found.status, found.amount) == (made.id, ours.id, "succeeded", rub(12345))
    assert (found.method, found.link, found.paid_at is not None) == ("bank_card", None, True)

    back = replace(refund(made.id, rub(345)), provider=side.name)
    given = await adapter.create_refund(back)
    assert (given.status, given.our_id, given.amount) in (
        ("succeeded", back.id, rub(345)),
        ("succeeded", None, rub(345)),
    )
    assert (await adapter.create_refund(back)).id == given.id
    assert (await adapter.get_refund(given.id)).status == "succeeded"
    assert (await adapter.find_refund(back)) == given
    assert await adapter.find_refund(replace(refund(made.id, rub(345)), provider=side.name)) is None
    with pytest.raises(ProviderRefusedError):
        await adapter.create_refund(replace(refund(made.id, rub(12001)), provider=side.name))


async def test_the_surcharge_is_asked_for_and_given_back(side: Side) -> None:
    adapter = side.adapter()
    ours = await paid(side, adapter, surcharge=rub(617))
    assert (await adapter.get_payment(ours.provider_payment_id)).amount == rub(12962)
    back = replace(refund(ours.provider_payment_id, rub(12345)), provider=side.name, surcharge=rub(617))
    assert (await adapter.create_refund(back)).amount == rub(12962)


async def test_a_page_that_expired(side: Side) -> None:
    adapter = side.adapter()
    made = await adapter.create_payment(payment(provider=side.name))
    await side.theirs.act("expire", made.id)
    found = await adapter.get_payment(made.id)
    assert (found.status, found.expired, found.link) == ("cancelled", True, None)


@pytest.mark.parametrize("verb", ["capture", "release"])
async def test_two_stages(side: Side, verb: str) -> None:
    adapter = side.adapter(two_stage=True)
    ours = await paid(side, adapter)
    assert (await adapter.get_payment(ours.provider_payment_id)).status == "reserved"
    decide = adapter.capture_payment if verb == "capture" else adapter.release_payment
    decided = await decide(ours)
    assert decided.status == ("succeeded" if verb == "capture" else "cancelled")
    assert (await decide(ours)).status == decided.status, "asked again under the same key"
    assert (await adapter.get_payment(ours.provider_payment_id)).status == decided.status


@pytest.mark.feature("B20")
async def test_a_card_is_saved_and_charged_again_by_its_token(side: Side) -> None:
    adapter = side.adapter()
    ours = await paid(side, adapter, choice=Choice(save_card=True))
    saved = (await adapter.get_payment(ours.provider_payment_id)).saved
    assert saved is not None
    assert saved.title.endswith(("*4477", "*4242"))
    assert saved.token not in repr(saved)
    again = payment(provider=side.name, choice=Choice(card_token=saved.token))
    made = await adapter.create_payment(again)
    assert (made.status, made.our_id, made.amount) == ("succeeded", again.id, rub(12345))
    assert (await adapter.get_payment(made.id)).status == "succeeded"
    other = await paid(side, adapter)
    assert (await adapter.get_payment(other.provider_payment_id)).saved is None, "only who asked for it"
    with pytest.raises(ProviderRefusedError):
        await adapter.create_payment(payment(provider=side.name, choice=Choice(card_token="nobody:pm_nothing")))


async def test_a_refund_that_takes_its_time_and_one_that_fails(side: Side) -> None:
    adapter = side.adapter()
    ours = await paid(side, adapter)
    await side.theirs.switch(refund_pending_seconds=600)
    slow = await adapter.create_refund(replace(refund(ours.provider_payment_id, rub(100)), provider=side.name))
    assert (slow.status, (await adapter.get_refund(slow.id)).status) == ("pending", "pending")
    failure = "canceled" if side.name == "yookassa" else "failed"
    await side.theirs.switch(refund_pending_seconds=0, refund_failure=failure)
    failed = await adapter.create_refund(replace(refund(ours.provider_payment_id, rub(100)), provider=side.name))
    assert failed.status == "cancelled"
    assert failed.reason


@pytest.mark.parametrize("status", [400, 404])
async def test_refusals_are_definite(side: Side, status: int) -> None:
    await side.fail(status)
    with pytest.raises(ProviderRefusedError):
        await side.adapter().create_payment(payment(provider=side.name))


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502, 503])
async def test_outages_and_our_own_trouble_are_not(side: Side, status: int) -> None:
    await side.fail(status)
    with pytest.raises(ProviderUnclearError) as unclear:
        await side.adapter().create_payment(payment(provider=side.name))
    assert unclear.value.retry_after is not None
    assert unclear.value.retry_after.total_seconds() == 7


@pytest.mark.feature("X3")
async def test_a_lost_answer_is_asked_for_again(side: Side) -> None:
    adapter = side.adapter()
    ours = payment(provider=side.name)
    await side.theirs.switch(lose_answer_next=1)
    with pytest.raises(ProviderUnclearError):
        await adapter.create_payment(ours)
    made = await adapter.create_payment(ours)
    await side.theirs.act("pay", made.id)
    back = replace(refund(made.id, rub(100)), provider=side.name)
    await side.theirs.switch(lose_answer_next=1)
    with pytest.raises(ProviderUnclearError):
        await adapter.create_refund(back)
    found = await adapter.find_refund(back)
    assert found is not None
    assert (await adapter.create_refund(back)).id == found.id, "one refund, however often it is asked for"


async def test_silence_nobody_there_and_a_changed_request_are_unclear(side: Side) -> None:
    await side.theirs.switch(answer_delay_seconds=1)
    with pytest.raises(ProviderUnclearError):
        await side.adapter().get_payment("x")
    await side.theirs.switch(answer_delay_seconds=0)
    with pytest.raises(ProviderUnclearError):
        await side.adapter(url=f"http://127.0.0.1:{free_port()}").get_payment("x")
    with pytest.raises(ProviderUnclearError):
        await side.adapter(secret="wrong").get_payment("x")
    adapter, ours = side.adapter(), payment(provider=side.name)
    await adapter.create_payment(ours)
    with pytest.raises(ProviderUnclearError):
        await adapter.create_payment(replace(ours, amount=rub(1)))
