"""The table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .figures import Figure

COLUMNS = ("what", "limit", "ours", "ratio", "goal", "", "p50", "p99")
RIGHT = ("limit", "ours", "ratio", "p50", "p99")


def show(figures: Sequence[Figure], *, quick: bool) -> None:
    """Print the figures to standard output, and below them what else used the machine during each."""
    console = Console(highlight=False, width=None if Console().is_terminal else 150)
    table = Table(title="quick run: the figures mean nothing" if quick else None)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in RIGHT else "left", no_wrap=column in RIGHT)
    for figure in figures:
        table.add_row(
            f"[bold]{figure.name}[/] {figure.what}",
            quantity(figure.limit, figure.unit),
            quantity(figure.ours, figure.unit),
            ratio(figure.ratio),
            figure.goal,
            {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}[None if quick else figure.ok],
            quantity(figure.p50_ms, "ms"),
            quantity(figure.p99_ms, "ms"),
        )
    console.print(table)
    for figure in figures:
        said = "; ".join(part for part in (figure.beside, figure.note) if part)
        if said:
            console.print(f"[bold]{figure.name}[/]: {said}", soft_wrap=True)


def quantity(value: float | None, unit: str) -> str:
    """A figure with as many digits as it is worth."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f} {unit}"
    return f"{value:.1f} {unit}" if value >= 10 else f"{value:.2f} {unit}"


def ratio(value: float | None) -> str:
    """A share in per cent up to 200 %, a multiple beyond."""
    if value is None:
        return ""
    return f"{value:.0%}" if value < 2 else f"{value:.1f} ×"
