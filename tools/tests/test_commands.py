"""The list of commands, and the requirements that `./foyer lock` reads."""

from __future__ import annotations

import pytest
from foyer_tools import lock
from foyer_tools.__main__ import COMMANDS, main
from foyer_tools.places import ROOT


def test_usage_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in COMMANDS)


def test_an_unknown_command_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upp"]) == 2
    assert "upp" in capsys.readouterr().err


def test_local_packages_are_left_out_and_what_they_need_is_not() -> None:
    services = [project for project in lock.deployed() if project.parent.parent.name == "services"]
    assert services
    for project in services:
        needed = lock.with_libraries(project)
        assert not [name for name in needed if name.startswith("foyer-")]
        assert [name for name in needed if name.startswith("pydantic>")], f"{project.relative_to(ROOT)}"
