"""Forms (A3): what a form may be, which answers fit, and that the JSON Schema for apps says the same."""

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import pytest
from foyer_chassis.testing import Running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from orders.catalogue import store
from orders.catalogue.domain import AnswersInvalidError, Form, FormField, FormInvalidError, Text, json_schema
from orders.catalogue.domain.forms import Choice, FieldType, Limits, VisibleWhen


def field(code: str, type_: str, **more: Any) -> FormField:
    choices = tuple(Choice(code, Text(code.upper())) for code in more.pop("choices", ()))
    limits = Limits(**more.pop("limits", {}))
    return FormField(
        code=code,
        type=FieldType(type_),
        label=Text(f"Поле {code}", f"Field {code}"),
        choices=choices,
        limits=limits,
        **more,
    )


def errors_of(form: Form, answers: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(AnswersInvalidError) as refused:
        form.check(answers)
    return {error["field"]: error["code"] for error in refused.value.members["errors"]}


REPAIR = Form(
    (
        field("what", "choice", choices=("tap", "door", "other"), required=True),
        field("details", "long_text", required=True, visible_when=VisibleWhen("what", ("other",))),
        field("floor", "integer", limits={"minimum": Decimal(1), "maximum": Decimal(25)}),
        field("phone", "phone", required=True),
        field("pass_needed", "boolean"),
        field("car", "text", limits={"mask": "A000AA 000"}, visible_when=VisibleWhen("pass_needed", (True,))),
        field("tools", "choices", choices=("ladder", "drill"), limits={"max_length": 1}),
    )
)


@pytest.mark.feature("A3")
def test_answers_are_kept_in_one_form() -> None:
    answers = {"phone": "8 (900) 000-00-01", "what": "tap", "floor": 3.0, "tools": ["drill"]}
    accepted = REPAIR.check(answers)
    assert accepted == {"what": "tap", "floor": 3, "phone": "+79000000001", "tools": ["drill"]}
    assert list(accepted) == ["what", "floor", "phone", "tools"]
    assert type(accepted["floor"]) is int
    assert REPAIR.phone_codes == {"phone"}


@pytest.mark.feature("A3")
@pytest.mark.parametrize(
    ("change", "field_", "code"),
    [
        ({"what": None}, "what", "not_a_choice"),
        ({"what": "roof"}, "what", "not_a_choice"),
        ({"what": "other"}, "details", "required"),
        ({"what": "other", "details": " \n "}, "details", "too_short"),
        ({"details": "hidden now"}, "details", "not_shown"),
        ({"floor": 0}, "floor", "too_small"),
        ({"floor": 26}, "floor", "too_great"),
        ({"floor": 2.5}, "floor", "type"),
        ({"floor": True}, "floor", "type"),
        ({"floor": "3"}, "floor", "type"),
        ({"floor": float("nan")}, "floor", "type"),
        ({"floor": 10**400}, "floor", "too_great"),
        ({"phone": "9000000001"}, "phone", "malformed"),
        ({"phone": "+7900000000100000"}, "phone", "malformed"),
        ({"phone": "+7 900 000-00-01\n"}, "phone", "malformed"),
        ({"pass_needed": 1}, "pass_needed", "type"),
        ({"car": "А123ВС 178"}, "car", "not_shown"),
        ({"pass_needed": True, "car": "A12 BC"}, "car", "malformed"),
        ({"pass_needed": True, "car": "А123ВС 178\n"}, "car", "forbidden_characters"),
        ({"tools": "drill"}, "tools", "type"),
        ({"tools": ["drill", "ladder"]}, "tools", "too_many"),
        ({"tools": ["saw"]}, "tools", "not_a_choice"),
        ({"tools": [["drill"]]}, "tools", "not_a_choice"),
        ({"unknown": 1}, "unknown", "unknown"),
    ],
)
def test_answers_that_are_refused(change: dict[str, Any], field_: str, code: str) -> None:
    answers = {"what": "tap", "phone": "+79000000001", **change}
    assert errors_of(REPAIR, answers) == {f"answers.{field_}": code}


def test_every_error_is_told_at_once_with_what_is_allowed() -> None:
    with pytest.raises(AnswersInvalidError) as refused:
        REPAIR.check({"what": "roof", "floor": 99})
    assert refused.value.members["errors"] == [
        {
            "field": "answers.what",
            "code": "not_a_choice",
            "detail": "Choose one of those allowed.",
            "allowed": {"choices": ["tap", "door", "other"]},
        },
        {"field": "answers.floor", "code": "too_great", "detail": "At most 25.", "allowed": {"maximum": "25"}},
        {"field": "answers.phone", "code": "required", "detail": "This must be answered."},
    ]


def test_strange_keys_are_named_safely_and_not_without_end() -> None:
    with pytest.raises(AnswersInvalidError) as refused:
        REPAIR.check(
            {"what": "tap", "phone": "+79000000001", "\ud800<script>" * 50: 1, **{f"x{n}": 1 for n in range(500)}}
        )
    errors = refused.value.members["errors"]
    assert len(errors) == 100
    assert errors[0]["field"].startswith("answers.??script?")
    json.dumps(errors).encode()


@pytest.mark.parametrize(
    ("type_", "value", "stored"),
    [
        ("text", "Ёлка 🎄", "Ёлка 🎄"),
        ("long_text", "раз\nдва\tтри", "раз\nдва\tтри"),
        ("integer", 2**53 - 1, 2**53 - 1),
        ("decimal", 12.5, 12.5),
        ("boolean", False, False),
        ("date", "2028-02-29", "2028-02-29"),
        ("time", "23:59", "23:59"),
        ("datetime", "2027-01-31T00:30:00+03:00", "2027-01-30T21:30:00+00:00"),
        ("datetime", "2027-01-31T00:30Z", "2027-01-31T00:30:00+00:00"),
        ("phone", "+44 20 7946 0018", "+442079460018"),
        ("phone", "7 900 000 00 01", "+79000000001"),
        ("email", "Anna.I+x@Example.TEST", "Anna.I+x@example.test"),
        ("choice", "a", "a"),
        ("choices", ["b", "a"], ["b", "a"]),
        ("choices", [], []),
    ],
)
def test_what_each_type_stores(type_: str, value: object, stored: object) -> None:
    choices = ("a", "b") if type_.startswith("choice") else ()
    form = Form((field("x", type_, choices=choices),))
    form.check_definition()
    assert form.check({"x": value}) == {"x": stored}


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("text", "два\nряда"),
        ("text", "\x00"),
        ("text", "\ud800"),
        ("text", "x" * 501),
        ("long_text", "\x00"),
        ("long_text", "x" * 10_001),
        ("integer", 2**53),
        ("decimal", float("inf")),
        ("decimal", "12.5"),
        ("date", "2027-02-29"),
        ("date", "20270131"),
        ("date", "2027-W01-1"),
        ("date", "0000-01-01"),
        ("time", "24:00"),
        ("time", "9:30"),
        ("datetime", "2027-01-31T00:30:00"),
        ("datetime", "2027-02-30T00:30:00Z"),
        ("datetime", "2027-01-31 00:30:00Z"),
        ("email", "anna@localhost"),
        ("email", "a@b@c.test"),
        ("email", "anna@example.test\n"),
        ("email", "x" * 250 + "@a.test"),
        ("phone", "phone"),
        ("phone", "+0 900 000 00 01"),
        ("choices", ["a", "a"]),
    ],
)
def test_what_each_type_refuses(type_: str, value: object) -> None:
    choices = ("a", "b") if type_.startswith("choice") else ()
    assert errors_of(Form((field("x", type_, choices=choices),)), {"x": value}).keys() == {"answers.x"}


@pytest.mark.feature("A3")
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ((field("a", "text"), field("a", "text")), "repeated"),
        ((field("A b", "text"),), "malformed"),
        ((field("a\n", "text"),), "malformed"),
        ((replace(field("a", "text"), label=Text(" ")),), "out_of_range"),
        ((field("a", "choice"),), "out_of_range"),
        ((field("a", "choice", choices=("x", "x")),), "repeated"),
        ((field("a", "text", choices=("x",)),), "not_allowed"),
        ((field("a", "text", limits={"minimum": Decimal(1)}),), "not_allowed"),
        ((field("a", "phone", limits={"max_length": 3}),), "not_allowed"),
        ((field("a", "integer", limits={"minimum": Decimal(3), "maximum": Decimal(2)}),), "empty_range"),
        ((field("a", "decimal", limits={"minimum": Decimal("NaN")}),), "out_of_range"),
        ((field("a", "decimal", limits={"maximum": Decimal("1e400")}),), "out_of_range"),
        ((field("a", "decimal", limits={"maximum": Decimal("0.1000000000000000000001")}),), "out_of_range"),
        ((field("a", "date", limits={"earliest": "2027-02-30"}),), "malformed"),
        ((field("a", "date", limits={"earliest": "2027-03-02", "latest": "2027-03-01"}),), "empty_range"),
        ((field("a", "time", limits={"latest": "25:00"}),), "malformed"),
        ((field("a", "text", limits={"min_length": 3, "max_length": 2}),), "empty_range"),
        ((field("a", "text", limits={"max_length": 501}),), "out_of_range"),
        ((field("a", "text", required=True, limits={"max_length": 0}),), "empty_range"),
        ((field("a", "text", limits={"mask": "0" * 61}),), "out_of_range"),
        ((field("a", "text", limits={"mask": "000", "max_length": 2}),), "empty_range"),
        ((field("a", "choices", choices=("x",), limits={"min_length": 2}),), "out_of_range"),
        ((field("a", "text", visible_when=VisibleWhen("b", (True,))),), "unknown"),
        ((field("a", "text", visible_when=VisibleWhen("b", ("x",))), field("b", "text")), "not_allowed"),
        ((field("a", "text", visible_when=VisibleWhen("b", ())), field("b", "boolean")), "required"),
        ((field("a", "text", visible_when=VisibleWhen("b", ("true",))), field("b", "boolean")), "type"),
        (
            (field("a", "text", visible_when=VisibleWhen("b", ("y",))), field("b", "choice", choices=("x",))),
            "not_a_choice",
        ),
        ((field("a", "boolean", visible_when=VisibleWhen("a", (True,))),), "cycle"),
        (
            (
                field("a", "boolean", visible_when=VisibleWhen("c", (True,))),
                field("b", "boolean", visible_when=VisibleWhen("a", (True,))),
                field("c", "boolean", visible_when=VisibleWhen("b", (True,))),
                field("d", "boolean", visible_when=VisibleWhen("a", (True,))),
            ),
            "cycle",
        ),
    ],
)
def test_forms_that_make_no_sense(fields: tuple[FormField, ...], code: str) -> None:
    with pytest.raises(FormInvalidError) as refused:
        Form(fields).check_definition()
    assert code in {error["code"] for error in refused.value.members["errors"]}


def test_too_long_a_form_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(FormInvalidError) as refused:
        Form(tuple(field("a", "choice") for _ in range(61))).check_definition()
    assert [error["code"] for error in refused.value.members["errors"]] == ["too_many"]


def test_visibility_goes_down_a_chain() -> None:
    form = Form(
        (
            field("a", "boolean"),
            field("b", "choices", choices=("x", "y"), visible_when=VisibleWhen("a", (True,))),
            field("c", "text", required=True, visible_when=VisibleWhen("b", ("y",))),
        )
    )
    form.check_definition()
    assert form.check({}) == {}
    assert form.check({"a": False}) == {"a": False}
    assert form.check({"a": True, "b": ["x"]}) == {"a": True, "b": ["x"]}
    assert errors_of(form, {"a": True, "b": ["x", "y"]}) == {"answers.c": "required"}
    assert errors_of(form, {"a": False, "b": ["x"]}) == {"answers.b": "not_shown"}


# The schema for apps ----------------------------------------------------------------------------------------------

_formats = FormatChecker(formats=["date"])


@_formats.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    if isinstance(value, str):
        date.fromisoformat(value[:10])
        assert datetime.fromisoformat(value).tzinfo is not None
    return True


def _not_before(validator: Any, limit: str, value: object, schema: Any) -> Any:
    if isinstance(value, str) and value < limit:
        yield jsonschema.ValidationError(f"before {limit}")


def _not_after(validator: Any, limit: str, value: object, schema: Any) -> Any:
    if isinstance(value, str) and value > limit:
        yield jsonschema.ValidationError(f"after {limit}")


#: With the two keywords of ajv-formats that the schema uses.
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"formatMinimum": _not_before, "formatMaximum": _not_after}
)


def _schema_accepts(form: Form, answers: dict[str, Any]) -> bool:
    schema = json.loads(json.dumps(json_schema(form, title="Форма", locale="ru")))
    Draft202012Validator.check_schema(schema)
    return bool(_Validator(schema, format_checker=_formats).is_valid(answers))


def _server_accepts(form: Form, answers: dict[str, Any]) -> bool:
    try:
        form.check(answers)
    except AnswersInvalidError:
        return False
    return True


_CODES = ("x", "y", "z")
_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 30),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.lists(st.sampled_from([*_CODES, "w", 1]), max_size=3),
    st.just({}),
)
_NEAR: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: st.one_of(st.text(max_size=8), st.from_regex(r"\A[A-ZА-Я][0-9]{2}-[a-z0-9]\Z"), st.sampled_from(["", " ", "a\n", "\x00", "\u2028"])),
    FieldType.LONG_TEXT: st.one_of(st.text(max_size=8), st.sampled_from(["", "\t\n", "a\nb", "\x0b", "\ud800", "\u200b"])),
    FieldType.INTEGER: st.one_of(st.integers(-3, 12), st.sampled_from([1.0, 2.5, 2**53, -(2**53), 1e300, True])),
    FieldType.DECIMAL: st.one_of(st.integers(-3, 12), st.sampled_from([0.1, 0.2, 0.30000000000000004, 2.5, 9.99, 10.01])),
    FieldType.BOOLEAN: st.sampled_from([True, False, 1, 0, "true"]),
    FieldType.DATE: st.one_of(st.dates(date(2026, 12, 1), date(2027, 3, 5)).map(str), st.sampled_from(["2027-02-29", "2027-1-1", "2027-01-01\n", "20270101"])),
    FieldType.TIME: st.one_of(st.times().map(lambda time: time.strftime("%H:%M")), st.sampled_from(["24:00", "9:00", "09:00:00"])),
    FieldType.DATETIME: st.one_of(st.datetimes(datetime(1899, 1, 1), datetime(2201, 1, 1)).map(lambda at: at.isoformat() + "Z"), st.sampled_from(["2027-02-29T10:00Z", "2027-02-28T10:00", "2027-02-28T10:00+03:00", "2027-02-28T10:00+15:00", "2027-02-28t10:00z"])),
    FieldType.CHOICE: st.sampled_from([*_CODES, "w", ""]),
    FieldType.CHOICES: st.lists(st.sampled_from([*_CODES, "w"]), max_size=4),
    FieldType.PHONE: st.one_of(st.from_regex(r"\A\+?[0-9 ()-]{6,16}\Z"), st.sampled_from(["+79000000001", "8 900 000-00-01", "+7900", "8900000000１"])),
    FieldType.EMAIL: st.one_of(st.emails(), st.sampled_from(["a@b.test", "a@b", "a@b.test\n", "ы@b.test", "a@-b.test"])),
}  # fmt: skip


@st.composite
def _limits(draw: st.DrawFn, type_: FieldType) -> Limits:
    if draw(st.booleans()):
        return Limits()
    match type_:
        case FieldType.INTEGER | FieldType.DECIMAL:
            low, high = sorted(
                draw(st.lists(st.sampled_from(["-1", "0", "0.1", "2.5", "10"]), min_size=2, max_size=2)), key=Decimal
            )
            return Limits(minimum=Decimal(low), maximum=draw(st.sampled_from([None, Decimal(high)])))
        case FieldType.DATE:
            return Limits(
                earliest=draw(st.sampled_from([None, "2027-01-01"])), latest=draw(st.sampled_from([None, "2027-02-28"]))
            )
        case FieldType.TIME:
            return Limits(
                earliest=draw(st.sampled_from([None, "09:00"])), latest=draw(st.sampled_from([None, "18:00"]))
            )
        case FieldType.TEXT:
            return (
                Limits(mask="A00-*")
                if draw(st.booleans())
                else Limits(min_length=draw(st.integers(0, 3)), max_length=5)
            )
        case FieldType.LONG_TEXT:
            return Limits(min_length=draw(st.integers(0, 3)), max_length=5)
        case FieldType.CHOICES:
            return Limits(min_length=draw(st.integers(0, 1)), max_length=draw(st.integers(1, 3)))
        case _:
            return Limits()


@st.composite
def _forms(draw: st.DrawFn) -> Form:
    fields: list[FormField] = []
    for number in range(draw(st.integers(1, 4))):
        type_ = draw(st.sampled_from(list(FieldType)))
        deciding = [one for one in fields if one.type in {FieldType.BOOLEAN, FieldType.CHOICE, FieldType.CHOICES}]
        condition = None
        if draw(st.booleans()) and deciding:
            other = draw(st.sampled_from(deciding))
            values = (True, False) if other.type is FieldType.BOOLEAN else other.codes
            chosen: Any = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))
            condition = VisibleWhen(other.code, tuple(chosen))
        fields.append(
            FormField(
                code=f"f{number}",
                type=type_,
                label=Text("Поле"),
                required=draw(st.booleans()),
                choices=tuple(Choice(code, Text(code)) for code in _CODES) if type_.startswith("choice") else (),
                limits=draw(_limits(type_)),
                visible_when=condition,
            )
        )
    order: Any = draw(st.permutations(fields))
    return Form(tuple(order))


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Form, dict[str, Any]]:
    form = draw(_forms())
    answers: dict[str, Any] = {}
    for one in form.fields:
        match draw(st.sampled_from(["near"] * 6 + ["absent"] * 2 + ["junk"])):
            case "near":
                answers[one.code] = draw(_NEAR[one.type])
            case "junk":
                answers[one.code] = draw(_JUNK)
    if draw(st.integers(0, 9)) == 0:
        answers["other"] = 1
    return form, answers


@pytest.mark.feature("A3")
def test_server_and_schema_agree() -> None:
    seen = {True: 0, False: 0}

    @settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(_cases())
    def agree(case: tuple[Form, dict[str, Any]]) -> None:
        form, answers = case
        form.check_definition()
        server = _server_accepts(form, answers)
        assert _schema_accepts(form, answers) == server
        seen[server] += 1
        # One answer at a time: whole forms are mostly wrong in something.
        for one in form.fields:
            alone = Form((replace(one, visible_when=None, required=False),))
            answer = {one.code: answers[one.code]} if one.code in answers else {}
            server = _server_accepts(alone, answer)
            assert _schema_accepts(alone, answer) == server
            seen[server] += 1

    agree()
    # Neither side of the comparison may be empty, or it would prove nothing.
    assert min(seen.values()) > 100, seen


@pytest.mark.parametrize("mask", ["(000) 000-00-00", "00.00", "A/B\\C", "[0]^$|?+{}*", "№ 0-0", "&~#@!%='\"`"])
def test_masks_mean_the_same_to_both(mask: str) -> None:
    form = Form((field("x", "text", limits={"mask": mask}),))
    form.check_definition()
    fitting = mask.replace("0", "7").replace("A", "Ж").replace("*", "q")
    for answer, fits in (
        (fitting, True),
        (fitting[:-1], False),
        (fitting + "1", False),
        (fitting.swapcase() + "?", False),
    ):
        assert _server_accepts(form, {"x": answer}) is _schema_accepts(form, {"x": answer}) is fits


def test_answers_are_checked_in_time_that_grows_with_their_length_only() -> None:
    form = Form((field("m", "email"), field("p", "phone"), field("t", "text", limits={"mask": "*" * 60})))
    answers = {"m": "a@" + "a." * 120 + "!", "p": "+7" + " " * 37 + "x", "t": "a" * 499 + "!"}
    started = datetime.now()
    for _ in range(200):
        assert len(errors_of(form, answers)) == 3
    assert (datetime.now() - started).total_seconds() < 2


# Through the API --------------------------------------------------------------------------------------------------

BODY = {
    "title": "Вызов сантехника",
    "title_en": "Plumber",
    "kind": "request",
    "form": {
        "fields": [
            {
                "code": "what",
                "type": "choice",
                "label": {"ru": "Что случилось", "en": "What happened"},
                "hint": {"ru": "Выберите одно"},
                "required": True,
                "choices": [
                    {"code": "leak", "label": {"ru": "Течёт", "en": "It leaks"}},
                    {"code": "other", "label": {"ru": "Другое", "en": "Else"}},
                ],
            },
            {
                "code": "since",
                "type": "date",
                "label": {"ru": "С какого дня"},
                "limits": {"earliest": "2026-01-01"},
                "visible_when": {"field": "what", "in": ["leak", "other"]},
            },
            {
                "code": "area",
                "type": "decimal",
                "label": {"ru": "Площадь, м²"},
                "limits": {"minimum": 0.1, "maximum": 1000},
                "visible_when": {"field": "what", "equals": "other"},
            },
            {"code": "by_car", "type": "boolean", "label": {"ru": "Нужен пропуск"}},
            {
                "code": "car",
                "type": "text",
                "label": {"ru": "Номер машины"},
                "required": True,
                "limits": {"mask": "A000AA 000"},
                "visible_when": {"field": "by_car", "equals": True},
            },
        ]
    },
}


async def _create(orders: Running, **more: Any) -> Any:
    return await orders.client("alex", "administrator").post(
        "/v1/offerings", json={**BODY, **more}, headers={"Idempotency-Key": uuid4().hex}
    )


@pytest.mark.feature("A3")
async def test_a_form_is_configured_and_read_as_a_schema(orders: Running) -> None:
    created = await _create(orders)
    assert created.status_code == 201, created.text
    path = f"/v1/offerings/{created.json()['id']}"
    form = (await orders.client("anna").get(path)).json()["form"]
    assert form["fields"][1]["visible_when"] == {"field": "what", "equals": None, "in": ["leak", "other"]}
    assert form["fields"][2]["limits"] | {"minimum": 0.1, "maximum": 1000} == form["fields"][2]["limits"]
    # What was read can be sent back as it is.
    again = await _create(orders, form=form)
    assert again.json()["form"] == form
    async with orders.database.read() as transaction:
        stored = await store.offering_by_id(transaction, UUID(created.json()["id"]))
        assert stored is not None
        assert await store.offering_at(transaction, stored.id, 1) == stored
    car = {"what": "leak", "by_car": True, "car": "А123ВС 178"}
    assert stored.form.check(car) == car
    assert errors_of(stored.form, {**car, "by_car": False}) == {"answers.car": "not_shown"}
    assert errors_of(stored.form, {"what": "other", "by_car": True, "area": 0.05}) == {
        "answers.area": "too_small",
        "answers.car": "required",
    }

    answer = await orders.client("anna", locale="en").get(f"{path}/form-schema")
    schema = answer.json()
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["title"]) == ("https://json-schema.org/draft/2020-12/schema", "Plumber")
    assert (schema["properties"]["what"]["title"], schema["properties"]["since"]["title"]) == (
        "What happened",
        "С какого дня",
    )
    assert schema["properties"]["what"]["oneOf"][0] == {"const": "leak", "title": "It leaks"}
    russian = (await orders.client("anna").get(f"{path}/form-schema")).json()
    assert russian["properties"]["what"]["description"] == "Выберите одно"
    validator = _Validator(schema, format_checker=_formats)
    assert validator.is_valid({"what": "other", "area": 0.1})
    assert not validator.is_valid({"what": "leak", "area": 1})
    assert not validator.is_valid({"what": "leak", "since": "2025-12-31"})
    assert (await orders.client("anna").get(f"/v1/offerings/{uuid4()}/form-schema")).status_code == 404


@pytest.mark.feature("A3")
async def test_a_form_that_makes_no_sense_is_not_stored(orders: Running) -> None:
    ring = [
        {"code": code, "type": "boolean", "label": {"ru": "А"}, "visible_when": {"field": other, "equals": True}}
        for code, other in (("a", "b"), ("b", "a"))
    ]
    answer = await _create(orders, form={"fields": ring})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "form-invalid")
    assert answer.json()["errors"][0]["field"] == "form.fields.0.visible_when"
    for broken in (
        {"code": "a", "type": "regex", "label": {"ru": "А"}},
        {"code": "a", "type": "text", "label": {"ru": "А\x00"}},
        {"code": "a", "type": "text", "label": {"ru": "А"}, "visible_when": {"field": "b"}},
        {
            "code": "a",
            "type": "text",
            "label": {"ru": "А"},
            "visible_when": {"field": "b", "equals": True, "in": [True]},
        },
        {"code": "a", "type": "text", "label": {"ru": "А"}, "limits": {"pattern": "(a+)+$"}},
    ):
        refused = await _create(orders, form={"fields": [broken]})
        assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (422, "invalid"), refused.text
    assert (await orders.client("alex", "administrator").get("/v1/offerings")).json()["items"] == []
