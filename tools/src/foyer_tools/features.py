"""Which numbered lines of docs/features.md are proven by tests.

Two halves: a pytest plugin (`-p foyer_tools.features`) that writes what each test marked `feature("A12")` came to
into `.foyer/features.json`, and `./foyer features`, which sets that beside the lines of the document.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from foyer_tools.places import ROOT, state_folder

DOCUMENT = ROOT / "docs" / "features.md"
_LINE = re.compile(r"^\s*[-*] +(?P<id>[A-Z]\d{1,3}) +(?P<text>\S.*)$")

#: Of a test's report: the lines that it is marked with.
_PROPERTY = "foyer_features"

# nodeid → {"features": ["A1", …], "passed": bool}
Outcomes = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """One numbered line: its id (`A12`) and text."""

    id: str
    text: str


def parse(document: str) -> list[Line]:
    """The numbered lines of the document in its order. An id that occurs twice is a mistake: ValueError."""
    lines = [Line(found["id"], found["text"].strip()) for row in document.splitlines() if (found := _LINE.match(row))]
    ids = [line.id for line in lines]
    if twice := sorted({each for each in ids if ids.count(each) > 1}):
        raise ValueError(f"numbered twice: {', '.join(twice)}")
    return lines


def table(lines: Iterable[Line], outcomes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """`{"A1": {"tests": [nodeid, …], "passed": bool}, …}`: passed only with tests, all of which passed."""
    result: dict[str, dict[str, Any]] = {line.id: {"tests": [], "passed": False} for line in lines}
    for test, outcome in sorted(outcomes.items()):
        for feature in outcome["features"]:
            if feature in result:
                result[feature]["tests"].append(test)
    for row in result.values():
        row["passed"] = bool(row["tests"]) and all(outcomes[test]["passed"] for test in row["tests"])
    return result


def results_file() -> Path:
    """What the plugin writes and the command reads."""
    return state_folder() / "features.json"


def load() -> Outcomes:
    """Outcomes of the last run; empty without one."""
    try:
        outcomes: Outcomes = json.loads(results_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return outcomes


def show(console: Console | None = None) -> None:
    """Print the table for people: every line, and at the end how many are proven."""
    console = console or Console(highlight=False)
    lines = parse(DOCUMENT.read_text(encoding="utf-8"))
    rows = table(lines, load())
    printed = Table("line", "tests", "", "what", box=None, pad_edge=False)
    for line in lines:
        row = rows[line.id]
        sign = "[green]✓[/]" if row["passed"] else "[red]✗[/]" if row["tests"] else "·"
        text = line.text if len(line.text) <= 90 else line.text[:89] + "…"
        printed.add_row(line.id, str(len(row["tests"]) or ""), sign, text)
    console.print(printed)
    proven = sum(row["passed"] for row in rows.values())
    broken = sum(bool(row["tests"]) and not row["passed"] for row in rows.values())
    console.print(f"{proven} of {len(rows)} lines proven, {broken} with a failing test")


def main(argv: Sequence[str]) -> int:
    """`./foyer features [--json]`; 1 when there is no document."""
    parser = argparse.ArgumentParser(prog="foyer features", description="Feature lines proven by the last test run.")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args(argv)
    console = Console(highlight=False)
    if not DOCUMENT.exists():
        console.print(f"there is no {DOCUMENT.relative_to(ROOT)}")
        return 1
    if options.json:
        rows = table(parse(DOCUMENT.read_text(encoding="utf-8")), load())
        console.print(json.dumps(rows, indent=1), soft_wrap=True, markup=False)
    else:
        show(console)
    return 0


class _Collector:
    """Notes for each marked test whether all its phases passed. A skipped one has proven nothing."""

    def __init__(self, known: set[str] | None, whole: bool) -> None:
        self.known = known
        self.whole = whole
        self.outcomes: Outcomes = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read the marks; one that names no line is a mistake."""
        for item in items:
            features = sorted({str(name) for mark in item.iter_markers("feature") for name in mark.args})
            if self.known is not None and (unknown := set(features) - self.known):
                raise pytest.UsageError(f"{item.nodeid}: no such line in docs/features.md: {sorted(unknown)}")
            if features:
                # With the report, since that is all that comes back from a test in another process.
                item.user_properties.append((_PROPERTY, features))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for set-up, call and tear-down of each test."""
        features = dict(report.user_properties).get(_PROPERTY)
        if features is None:
            return
        outcome = self.outcomes.setdefault(report.nodeid, {"features": features, "passed": report.outcome == "passed"})
        outcome["passed"] = outcome["passed"] and report.outcome == "passed" and not hasattr(report, "wasxfail")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A whole run replaces the results, a part of the tests only its own."""
        if hasattr(session.config, "workerinput"):
            return  # The process that shares the tests out hears of all of them.
        outcomes = self.outcomes if self.whole else {**load(), **self.outcomes}
        temporary = results_file().with_suffix(".new")
        temporary.write_text(json.dumps(outcomes, indent=1, sort_keys=True), encoding="utf-8")
        temporary.replace(results_file())


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--features-whole`: this run is of all tests."""
    parser.addoption("--features-whole", action="store_true", help="replace the results of earlier runs")


def pytest_configure(config: pytest.Config) -> None:
    """Switch the plugin on for a run that really runs tests."""
    if config.option.collectonly:
        return
    known = {line.id for line in parse(DOCUMENT.read_text(encoding="utf-8"))} if DOCUMENT.exists() else None
    config.pluginmanager.register(_Collector(known, config.getoption("--features-whole")), "foyer-features")
