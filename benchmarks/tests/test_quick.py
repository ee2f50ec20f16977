"""Each bench runs: in its quick form, with servers and a system of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from foyer_tools.places import ROOT

from benchmarks.main import BENCHES

KEYS = {"name", "limit", "ours", "ratio", "goal", "ok", "p50_ms", "p99_ms"}
SECONDS = 900


@pytest.mark.slow
def test_each_bench_runs() -> None:
    command = [sys.executable, "-m", "foyer_tools", "bench", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout)
    assert {row["name"] for row in rows} >= set(BENCHES)
    for row in rows:
        assert row.keys() >= KEYS
        assert row["ours"] > 0
        assert row["ok"] is None, "a quick run says nothing about goals"
        assert row["quick"] is True


def test_an_unknown_bench_is_refused() -> None:
    command = [sys.executable, "-m", "foyer_tools", "bench", "no-such-bench"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "no such bench: no-such-bench" in done.stderr
