"""`./foyer templates preview`."""

from __future__ import annotations

from pathlib import Path

import pytest
from foyer_tools.__main__ import main
from notifications.telling.domain.rules import RULES, Channel
from notifications.texts.domain import TEMPLATES
from notifications.texts.renderer import Renderer
from notifications.texts.samples import ALL_FACTS


def test_every_notification_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "preview"]) == 0
    said = capsys.readouterr().out
    for name in TEMPLATES:
        assert {f"━━ {name} · ru", f"━━ {name} · en"} <= set(said.splitlines())
    assert said.count("\nsubject ") == said.count("\npush ") == 2 * len(TEMPLATES)
    for channel in (Channel.SMS, Channel.TELEGRAM):
        assert said.count(f"\n{channel.value} ") == 2 * sum(channel in rule.channels for rule in RULES)


def test_text_message_and_the_bots(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "preview", "booking_moved", "--locale", "en"]) == 0
    said = capsys.readouterr().out.replace("\u00a0", " ")
    assert "\nsms      Order 1006313: the booking was moved\n         Where: " in said
    assert "\ntelegram Order 1006313: the booking was moved\n\n         The new time " in said
    assert main(["templates", "preview", "payment_link", "--locale", "en"]) == 0
    assert "[Pay] https://pay.example.test/" in capsys.readouterr().out.partition("\ntelegram ")[2]


def test_every_row_has_a_sample() -> None:
    """A template with a fact that the samples lack would be shown shorter than it goes out."""
    for name, template in TEMPLATES.items():
        message = Renderer().render(name, ALL_FACTS, "en")
        assert (len(message.rows), message.button is not None) == (len(template.rows), template.button is not None), (
            name
        )


def test_one_in_one_language_and_its_mail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mail.html"
    assert main(["templates", "preview", "booking_moved", "--locale", "en", "--html", str(file)]) == 0
    said = capsys.readouterr().out
    assert "━━ booking_moved · en" in said
    assert "· ru" not in said
    html = file.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "2 December 2026, 13:00–15:00 (UTC+3)" in html.replace("\u00a0", " ")


def test_unknown_names_and_a_file_for_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "preview", "no_such"]) == 1
    assert "booking_moved" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["templates", "preview", "--html", str(tmp_path / "x.html")])
    assert left.value.code == 2
