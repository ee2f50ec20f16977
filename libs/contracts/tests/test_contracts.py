"""What is promised to subscribers: samples fit schemas, schemas stay compatible, money is exact."""

import json
from typing import Any

import pytest
from foyer_contracts import generate
from foyer_contracts.catalogue import BY_TYPE, EVENTS, envelope_of
from foyer_contracts.envelope import EventData
from foyer_contracts.money import CurrencyMismatchError, Money
from foyer_contracts.samples import SAMPLES
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError


@pytest.mark.feature("X1")
def test_generated_files_are_fresh_and_compatible() -> None:
    assert generate.main(["--check"]) == 0


@pytest.mark.feature("X1")
def test_every_event_is_in_the_catalogue_once() -> None:
    leaves = {data for data in EventData.__subclasses__() if data.__module__.startswith("foyer_contracts.")}
    assert leaves == set(EVENTS)
    assert len(BY_TYPE) == len(EVENTS)
    assert set(SAMPLES) == set(BY_TYPE)


@pytest.mark.feature("X1")
@pytest.mark.parametrize("data", EVENTS, ids=lambda data: data.type)
def test_sample_survives_the_wire_and_unknown_fields(data: type[EventData]) -> None:
    sample = SAMPLES[data.type]
    assert envelope_of(data).model_validate_json(sample.to_json()) == sample
    newer = json.loads(sample.to_json())
    newer["extension"] = "x"
    newer["data"]["added_later"] = {"a": 1}
    assert envelope_of(data).model_validate(newer) == sample


def _change(schema: str, path: list[str], change: Any) -> str:
    document = json.loads(schema)
    node = document
    for key in path:
        node = node[key]
    change(node)
    return json.dumps(document)


def test_breaking_changes_are_found() -> None:
    name = "booking.hold.expired.v1"
    published = {name: json.dumps(generate.schema_of(BY_TYPE[name]))}
    path = ["$defs", "HoldExpired", "properties"]

    def problems(change: Any) -> list[str]:
        return generate.incompatible({name: _change(published[name], path, change)}, published)

    assert problems(lambda properties: properties.update(note={"type": "string"})) == []
    assert problems(lambda properties: properties.pop("order_id"))
    assert problems(lambda properties: properties["order_id"].update(type="integer"))
    assert generate.incompatible({}, published)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(40000, "RUB", "400.00"), (5, "RUB", "0.05"), (-150, "EUR", "-1.50"), (400, "JPY", "400"), (1234, "KWD", "1.234")],
)
def test_money_as_providers_write_it(amount: int, currency: str, text: str) -> None:
    assert Money(amount=amount, currency=currency).to_decimal_string() == text
    assert Money.from_decimal_string(text, currency) == Money(amount=amount, currency=currency)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["RUB", "JPY", "KWD"]))
def test_money_round_trip(amount: int, currency: str) -> None:
    money = Money(amount=amount, currency=currency)
    assert Money.from_decimal_string(money.to_decimal_string(), currency) == money


@pytest.mark.parametrize("text", ["", "1.005", "1e3", "NaN", "1,00", "٣", "--1", "-", "."])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Money.from_decimal_string(text, "RUB")


@pytest.mark.parametrize("amount", [False, 1.0, "1", None, 10**16])
def test_money_is_strict(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount, "currency": "RUB"})


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatchError):
        Money(amount=1, currency="RUB") + Money(amount=1, currency="EUR")
