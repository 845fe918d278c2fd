"""The phases of a run with seconds and rows, reported as they go. How they look is the command line's matter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

State = Literal["running", "done", "failed"]
_WARNING = "warning: "


@dataclass
class Phase:
    """One phase of a run. `rows`: what came out; `detail`: a few words; `warnings`: what the operator should know."""

    name: str
    rows: int | None = None
    detail: str = ""
    warnings: list[str] = field(default_factory=list)
    state: State = "running"
    started: float = field(default_factory=time.perf_counter)
    ended: float | None = None
    report: Callable[[Phase], None] = field(default=lambda phase: None, repr=False)

    @property
    def seconds(self) -> float:
        """Seconds so far; final when the phase has ended."""
        return (time.perf_counter() if self.ended is None else self.ended) - self.started

    def say(self, detail: str) -> None:
        """What is going on right now, in a few words without anybody's data. `warning: …` is kept as a warning."""
        if detail.startswith(_WARNING):
            self.warnings.append(detail.removeprefix(_WARNING))
        else:
            self.detail = detail
        self.report(self)


class Progress:
    """Collects the phases of one run and tells `report` whenever one starts, says something or ends."""

    def __init__(self, report: Callable[[Phase], None] = lambda phase: None) -> None:
        self.phases: list[Phase] = []
        self._report = report

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Time what happens inside the block under `name`."""
        phase = Phase(name, report=self._report)
        self.phases.append(phase)
        self._report(phase)
        try:
            yield phase
        except BaseException:
            phase.state = "failed"
            raise
        else:
            phase.state = "done"
        finally:
            phase.ended = time.perf_counter()
            self._report(phase)
