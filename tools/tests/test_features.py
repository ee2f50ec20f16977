"""The table of features, from the marks of a real pytest run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from foyer_tools import features

DOCUMENT = """# What it does

- A1 Managers are notified.
- A2 A manager sees
  only their kinds; not a line: A9 either.
* B12 Pending.
- nothing
-A3 not a list
- A27 Unpaid: `cancelled`.
"""

TESTS = """
import pytest

@pytest.mark.feature("A1")
def test_good(): pass

@pytest.mark.feature("A1")
@pytest.mark.feature("A2")
@pytest.mark.parametrize("n", [1, 2])
def test_half(n): assert n == 1

@pytest.mark.feature("B12")
def test_skipped(): pytest.skip("not today")

@pytest.mark.feature("A27")
@pytest.mark.xfail
def test_expected(): assert False

def test_unmarked(): pass
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys, pytest; from pathlib import Path; from foyer_tools import features;"
        f"features.DOCUMENT = Path({str(folder / 'features.md')!r});"
        "sys.exit(pytest.main(['-p', 'foyer_tools.features', *sys.argv[1:]]))"
    )
    environment = {**os.environ, "FOYER_STATE_DIR": str(folder / "state")}
    command = [sys.executable, "-c", code, "-c", str(folder / "pytest.ini"), str(folder / "test_it.py"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "features.md").write_text(DOCUMENT)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = feature(line): a line\n")
    return tmp_path


def outcome(folder: Path) -> dict[str, dict[str, object]]:
    recorded = json.loads((folder / "state" / "features.json").read_text())
    return features.table(features.parse(DOCUMENT), recorded)


def test_numbered_lines_are_read() -> None:
    assert [line.id for line in features.parse(DOCUMENT)] == ["A1", "A2", "B12", "A27"]
    assert features.parse(DOCUMENT)[0].text == "Managers are notified."


def test_a_number_given_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="A1"):
        features.parse("- A1 one\n- A1 two\n")


def test_a_line_without_a_test_is_not_proven() -> None:
    assert features.table(features.parse("- A1 one\n"), {}) == {"A1": {"tests": [], "passed": False}}


def test_only_tests_that_passed_prove(folder: Path) -> None:
    assert run_pytest(folder, "--features-whole").returncode == 1
    rows = outcome(folder)
    half = ["test_it.py::test_half[1]", "test_it.py::test_half[2]"]
    assert rows["A1"] == {"tests": ["test_it.py::test_good", *half], "passed": False}
    assert rows["A2"] == {"tests": half, "passed": False}
    assert rows["B12"] == {"tests": ["test_it.py::test_skipped"], "passed": False}
    assert rows["A27"] == {"tests": ["test_it.py::test_expected"], "passed": False}


def test_processes_that_share_the_tests_prove_the_same(folder: Path) -> None:
    run_pytest(folder, "--features-whole")
    alone = outcome(folder)
    assert run_pytest(folder, "--features-whole", "--numprocesses=2").returncode == 1
    assert outcome(folder) == alone
    assert alone["A1"]["tests"]


def test_part_of_the_tests_changes_only_its_own_results(folder: Path) -> None:
    run_pytest(folder, "--features-whole")
    (folder / "test_it.py").write_text(TESTS.replace("assert n == 1", "pass"))
    assert run_pytest(folder, "-k", "half").returncode == 0
    rows = outcome(folder)
    assert rows["A1"]["passed"] is True
    assert rows["A2"]["passed"] is True
    assert rows["B12"]["passed"] is False


def test_a_whole_run_forgets_tests_that_are_gone(folder: Path) -> None:
    run_pytest(folder, "--features-whole")
    (folder / "test_it.py").write_text("def test_nothing(): pass\n")
    run_pytest(folder, "--features-whole")
    assert outcome(folder)["A1"]["tests"] == []


def test_a_mark_that_names_no_line_stops_the_run(folder: Path) -> None:
    (folder / "test_it.py").write_text(TESTS.replace('"A2"', '"A99"'))
    done = run_pytest(folder)
    assert done.returncode != 0
    assert "A99" in done.stdout + done.stderr
