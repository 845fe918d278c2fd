"""`truth.json`: what was planted in a generated registry and what came of it, to hold a pipeline's results against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from orchestration.synthetic.faults import FaultLedger
from orchestration.synthetic.planted import SITES, STATEMENT, Planted
from orchestration.synthetic.tally import Tally
from orchestration.synthetic.tally_rates import EVENT_MEASURES
from orchestration.synthetic.timeline import Timeline, date_of
from orchestration.synthetic.tracts import Tracts


@dataclass(frozen=True)
class Truth:
    """Everything that `truth.json` holds, and where the registry lies.

    `rates`: one row per measure, year, site, stratifier and stratum with `planted` (the value that the parameters
    lead to for these very children), `realised` (what happened, in records that nothing was lost from), and
    `denominator` (children with a result, or patient-years). Shares are in %, rates in their measure's unit.
    `faults`: added rows by table and kind. `rows`: rows of each file by table, faults among them.
    """

    directory: Path
    generator: Mapping[str, Any]
    parameters: Mapping[str, Any]
    rates: tuple[Mapping[str, Any], ...]
    gap: Mapping[str, Any]
    race_capture: Mapping[str, Any]
    other: Mapping[str, int]
    rows: Mapping[str, int]
    faults: Mapping[str, Mapping[str, int]]

    @property
    def n_faults(self) -> int:
        """Added rows of all tables."""
        return sum(sum(kinds.values()) for kinds in self.faults.values())

    def write(self) -> None:
        """Write `truth.json` into the registry's folder."""
        content = {
            "statement": STATEMENT, "generator": self.generator, "rows": self.rows, "faults": self.faults,
            "gap": self.gap, "race_capture": self.race_capture, "other": self.other, "parameters": self.parameters,
        }  # fmt: skip
        text = json.dumps(content, indent=1)[:-2]
        rates = ",\n".join(f"  {json.dumps(rate)}" for rate in self.rates)
        path = self.directory / "truth.json"
        path.write_text(f'{text},\n "rates": [\n{rates}\n ]\n}}\n', encoding="utf-8")


def make_truth(
    directory: Path,
    generator: Mapping[str, Any],
    line: Timeline,
    planted: Planted,
    tracts: Tracts,
    tally: Tally,
    ledger: FaultLedger,
    rows: Mapping[str, int],
) -> Truth:
    """Put the sums of all blocks together."""
    rates = tuple(_rates(tally, line))
    about = {
        "history_starts_on": _iso(line.history_starts),
        "window_starts_on": _iso(line.window_starts),
        "window_ends_on": _iso(line.window_ends),
        "tracts": len(tracts.geoids),
        "counties": tracts.counties,
    }
    return Truth(
        directory=directory,
        generator={**generator, **about},
        parameters=asdict(planted),
        rates=rates,
        gap=_gap(rates, line, planted),
        race_capture=_capture(tally, line, planted),
        other=dict(sorted(tally.counts.items())),
        rows=dict(rows),
        faults={table: dict(sorted(kinds.items())) for table, kinds in sorted(ledger.rows.items())},
    )


def _iso(day: int) -> str:
    return date_of(day).isoformat()


def _rates(tally: Tally, line: Timeline) -> list[dict[str, Any]]:
    years = [_iso(last) for _, last in line.years()]
    rows = []
    for (measure, year, site, stratifier, stratum), (planted, realised, denominator) in sorted(tally.sums.items()):
        multiplier = EVENT_MEASURES[measure][1] if measure in EVENT_MEASURES else 100.0
        rows.append(
            {
                "measure": measure, "year_ends_on": years[year], "site": site, "stratifier": stratifier,
                "stratum": stratum, "denominator": round(float(denominator), 1), "numerator": int(realised),
                "planted": round(float(planted / denominator) * multiplier, 2),
                "realised": round(float(realised / denominator) * multiplier, 2),
            }
        )  # fmt: skip
    return rows


def _gap(rates: tuple[Mapping[str, Any], ...], line: Timeline, planted: Planted) -> dict[str, Any]:
    """The gap in HbA1c above 9 % between Black children and White children (all sites), year by year."""
    above = {
        (rate["year_ends_on"], rate["stratum"]): rate
        for rate in rates
        if rate["measure"] == "hba1c_above_9" and rate["stratifier"] == "race"
    }
    years = []
    for _, last in line.years():
        black, white = above.get((_iso(last), "BLACK")), above.get((_iso(last), "WHITE"))
        if black and white:
            years.append(
                {
                    "year_ends_on": _iso(last),
                    "planted_points": round(black["planted"] - white["planted"], 2),
                    "realised_points": round(black["realised"] - white["realised"], 2),
                }
            )
    full = planted.change_month + planted.change_ramp_months
    return {
        "measure": "hba1c_above_9",
        "groups": ["BLACK", "WHITE"],
        "change_test": {
            "sites": planted.change_sites,
            "starts_on": _month(line, planted.change_month),
            "full_effect_on": _month(line, full),
            "share_of_gap_removed": planted.change_reduction,
        },
        "years": years,
    }


def _capture(tally: Tally, line: Timeline, planted: Planted) -> dict[str, Any]:
    """Completeness at the end of each quarter by site, reasons, and where capture fails."""
    ends = [month for month in range(line.months - 1, -1, -3)][::-1]
    completeness = []
    for month in ends:
        active, complete = tally.active[:, month], tally.complete[:, month]
        shares = {site: _share(complete[position], active[position]) for position, site in enumerate(SITES)}
        completeness.append(
            {"on": _iso(line.month_start(month + 1) - 1), "all": _share(complete.sum(), active.sum()), **shares}
        )
    return {
        "decay": {"site": planted.decay_site, "from": _month(line, planted.decay_month)},
        "default_value": {"site": planted.default_site, "from": _month(line, planted.default_month)},
        "children_by_status": tally.statuses,
        "completeness": completeness,
    }


def _share(part: np.int64, whole: np.int64) -> float | None:
    return round(float(part / whole), 4) if whole else None


def _month(line: Timeline, month: int) -> str | None:
    """First day of a month of the window; None where the window is over by then."""
    return _iso(line.month_start(month)) if month < line.months else None
