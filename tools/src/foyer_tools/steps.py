"""How the commands tell what they are doing: a live display on a terminal, plain lines with times elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

console = Console(highlight=False, stderr=True)

_open: list[str] = []
_status: Status | None = None
_guard = threading.Lock()


class Step:
    """A step under way; `note` is shown behind its time when it is done."""

    def __init__(self) -> None:
        self.note = ""


def _show() -> None:
    global _status  # noqa: PLW0603 - one terminal, one display
    if not console.is_terminal:
        return
    if _open:
        text = " · ".join(_open)
        if _status is None:
            _status = console.status(text)
            _status.start()
        else:
            _status.update(text)
    elif _status is not None:
        _status.stop()
        _status = None


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Run a block as a named step; its time, or that it failed, is one line. Steps may run side by side."""
    started = time.monotonic()
    current = Step()
    with _guard:
        _open.append(title)
        _show()
    sign = "[green]✓[/]"
    try:
        yield current
    except BaseException:
        sign = "[red]✗[/]"
        raise
    finally:
        seconds = time.monotonic() - started
        with _guard:
            _open.remove(title)
            _show()
            console.print(f"{sign} {title:<46} {seconds:6.1f} s  {current.note}".rstrip(), soft_wrap=True)


def say(text: str) -> None:
    """One line that is not a step."""
    console.print(text, soft_wrap=True)
