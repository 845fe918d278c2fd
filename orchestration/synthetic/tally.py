"""Adds up over all blocks what was planted and what came of it, before any record got lost: what `truth.json` says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.block import Block
from orchestration.synthetic.planted import SITES, Planted
from orchestration.synthetic.race_records import RECORDED, STATUSES
from orchestration.synthetic.results import LATE_DAYS
from orchestration.synthetic.tally_rates import Key, followed, year_sums
from orchestration.synthetic.timeline import NO_DAY, Timeline


def _no_sums() -> dict[Key, NDArray[np.float64]]:
    return defaultdict(lambda: np.zeros(3))


@dataclass
class Tally:
    """Sums over blocks.

    `sums`: planted numerator, realised numerator and denominator by measure, year, site, stratifier and stratum.
    `active` and `complete`: children followed at the end of each month, and those with a recorded race, by site.
    """

    line: Timeline
    planted: Planted
    sums: dict[Key, NDArray[np.float64]] = field(default_factory=_no_sums)
    statuses: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    active: NDArray[np.int64] = field(init=False)
    complete: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no children."""
        self.active = np.zeros((len(SITES), self.line.months), np.int64)
        self.complete = np.zeros_like(self.active)

    def add(self, block: Block) -> None:
        """Add one block."""
        for key, values in year_sums(block, self.line, self.planted):
            self.sums[key] += values
        self._add_capture(block)
        children, results = block.children, block.results
        for name, count in (
            ("late_results_in_extract", (results.resulted - results.day >= LATE_DAYS).sum()),
            ("results_not_yet_reported", results.n_not_yet_resulted),
            ("default_instead_of_answer", block.capture.is_default.sum()),
            ("presymptomatic_only", children.is_presymptomatic.sum()),
            ("deaths", (children.died != NO_DAY).sum()),
            ("left", (children.left != NO_DAY).sum()),
            ("moves", len(block.stays.child) - len(children.number)),
        ):
            self.counts[name] += int(count)

    def _add_capture(self, block: Block) -> None:
        status = block.capture.status
        begins, ends = followed(block.children, self.line)
        month_ends = self.line.month_starts[1:] - 1
        first = np.searchsorted(month_ends, begins, side="left")
        after = np.searchsorted(month_ends, ends, side="right")
        ever = after > first
        for total, chosen in ((self.active, ever), (self.complete, ever & (status == RECORDED))):
            for position in range(len(SITES)):
                mine = chosen & (block.children.site == position)
                change = np.bincount(first[mine], minlength=self.line.months + 1)
                change = change - np.bincount(after[mine], minlength=self.line.months + 1)
                total[position] += np.cumsum(change)[: self.line.months]
        for position, name in enumerate(STATUSES):
            self.statuses[name] += int((status == position).sum())
