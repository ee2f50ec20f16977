"""Who used the processors while something was measured."""

from __future__ import annotations

import os
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

Labels = Callable[[], dict[int, str]]
GENERATOR = "clients"
OTHERS = "others"
SHOWN_CORES = 0.02


class Meter:
    """Adds up the CPU time of labelled processes, their children included, over the blocks it is wrapped around."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._used: defaultdict[str, float] = defaultdict(float)
        self._busy = 0.0
        self._seconds = 0.0
        self._load: list[float] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count this block."""
        before, busy, started = self._snapshot(), _busy_seconds(), time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - started
            for pid, (label, used) in self._snapshot().items():
                self._used[label] += used - before.get(pid, (label, 0.0))[1]
            self._busy += _busy_seconds() - busy
            self._seconds += seconds
            self._load.append(os.getloadavg()[0])

    def _snapshot(self) -> dict[int, tuple[str, float]]:
        labels = self._labels() | {os.getpid(): GENERATOR}
        found: dict[int, tuple[str, float]] = {}
        for process in psutil.process_iter(["ppid", "cpu_times"]):
            times, parent = process.info["cpu_times"], process.info["ppid"]
            if times is not None and (label := labels.get(process.pid) or labels.get(parent)):
                found[process.pid] = (label, times.user + times.system)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        found[0] = (GENERATOR, children.ru_utime + children.ru_stime)
        return found

    def cores(self) -> dict[str, float]:
        """Processors kept busy by each label on average; `others` is what nobody of ours used."""
        if not self._seconds:
            return {}
        shares = {label: used / self._seconds for label, used in self._used.items()}
        shares[OTHERS] = max(0.0, self._busy / self._seconds - sum(shares.values()))
        return shares

    def __str__(self) -> str:
        shares = sorted(self.cores().items(), key=lambda item: -item[1])
        shown = [f"{label} {cores:.2f}" for label, cores in shares if cores >= SHOWN_CORES or label == OTHERS]
        load = max(self._load, default=0.0)
        return f"cores of {os.cpu_count()}: {', '.join(shown)}; load average {load:.1f}"


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - getattr(times, "guest", 0.0))
