"""How a run looks on the screen: a list of phases that fills itself on a terminal, plain lines anywhere else."""

from __future__ import annotations

import warnings
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orchestration.defs.resources.progress import Phase, Progress

_MARKS = {"running": ("…", "cyan"), "done": ("✓", "green"), "failed": ("✗", "red")}


class Screen:
    """Shows the phases of `progress` between `with` and its end. Library warnings stay off the screen meanwhile."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        self.progress = Progress(self._on_change)
        self._console = console or Console(stderr=False)
        self._title = title
        self._live = (
            Live(get_renderable=self._table, console=self._console, refresh_per_second=6)
            if self._console.is_terminal
            else None
        )
        self._quiet = warnings.catch_warnings()
        self._is_open = True

    def __enter__(self) -> Screen:
        self._quiet.__enter__()
        warnings.simplefilter("ignore")
        self._console.print(Text(self._title, style="bold"))
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_open = False
        if self._live:
            self._live.stop()
        for phase in self.progress.phases:
            for warning in phase.warnings:
                self._console.print(Text(f"  note: {warning}", style="yellow"))
        self._quiet.__exit__(kind, error, traceback)

    def _on_change(self, phase: Phase) -> None:
        if self._is_open and self._live is None and phase.state != "running":
            mark = "done" if phase.state == "done" else "FAILED"
            self._console.print(
                Text(f"{mark:6} {phase.seconds:6.1f} s  {phase.name}: {phase.detail or '-'}"), soft_wrap=True
            )

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=30)
        table.add_column(no_wrap=True, min_width=8, justify="right")
        table.add_column(overflow="ellipsis", no_wrap=True, style="dim")
        for phase in self.progress.phases:
            mark, style = _MARKS[phase.state]
            table.add_row(Text(mark, style=style), phase.name, f"{phase.seconds:.1f} s", Text(phase.detail))
        return table
