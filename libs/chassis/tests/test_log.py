"""Logs: one JSON object a line, with the ids, without secrets."""

import json
import logging

import pytest
import structlog
from foyer_chassis import log


@pytest.fixture(autouse=True)
def _restore() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_lines_have_ids_and_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("orders-api")
    with structlog.contextvars.bound_contextvars(request_id="r1", event_id="e1"):
        log.get("a").info("did", email="anna@example.test", access_token="x.y.z", phone_number="+7900", number=1)
    line = json.loads(capsys.readouterr().out)
    assert (line["service"], line["event"], line["request_id"], line["event_id"]) == ("orders-api", "did", "r1", "e1")
    assert (line["email"], line["access_token"], line["phone_number"], line["number"]) == (*["[redacted]"] * 3, 1)


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_tracebacks_show_no_values(capsys: pytest.CaptureFixture[str], fmt: str) -> None:
    log.configure("orders-api", fmt=fmt)

    def fails(card_number: str) -> None:
        raise ValueError(len(card_number))

    try:
        fails("4" + "1" * 15)
    except ValueError as error:
        log.get("a").error("failed", exc_info=error)
        logging.getLogger("library").exception("failed too")
    out = capsys.readouterr().out
    assert out.count("ValueError") >= 2
    assert "41111" not in out
