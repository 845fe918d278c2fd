"""What happens over time: charts and aims, from the published strata and gaps and the team's registers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from orchestration.statistics.aims.evaluation import evaluate_aims
from orchestration.statistics.aims.validation import check_registers, group_targets
from orchestration.statistics.spc.charts import build_charts
from orchestration.statistics.spc.kept import kept_points, none_kept
from orchestration.statistics.spc.panel import GAP, STRATUM

TARGET_COLUMNS = ("subject", "measure_id", "site", "stratifier", "stratum", "target")


def follow_up(
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    *,
    registers: dict[str, pd.DataFrame],
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    periods: pd.DataFrame,
    sites: pd.DataFrame,
    confidence: float,
    kept: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Frames by table: chart_series, charts, aims, aim_targets, change_tests, drivers, and chart_baselines.

    `strata` and `gaps` are publish.strata and publish.gaps, so nothing here sees a number that is not published; the
    others are the five registers by name, the dim_ tables and, as `kept`, what the run before gave as chart_baselines.
    Raises SettingsError for registers that do not fit.
    """
    check_registers(**registers, measures=measures, stratifiers=stratifiers, strata_labels=strata_labels, sites=sites)
    charts = build_charts(
        strata,
        gaps,
        measures=measures,
        stratifiers=stratifiers,
        strata_labels=strata_labels,
        periods=periods,
        phases=registers["chart_phases"],
        choices=registers["chart_choices"],
        targets=chart_targets(registers["aims"]),
        confidence=confidence,
        kept=kept,
    )
    aims = evaluate_aims(
        registers["aims"],
        strata=strata,
        gaps=gaps,
        series=charts.series,
        points=charts.points,
        measures=measures,
        strata_labels=strata_labels,
        periods=periods,
        confidence=confidence,
    )
    tests = registers["change_tests"]
    return {
        "chart_series": charts.series,
        "charts": charts.points,
        "aims": aims.aims,
        "aim_targets": aims.targets,
        "change_tests": tests,
        "drivers": registers["drivers"].assign(depth=driver_depth(registers["drivers"])),
        "chart_baselines": kept_points(
            none_kept() if kept is None else kept,
            strata,
            gaps,
            charts.series,
            registers["chart_phases"],
            periods,
            confidence,
        ),
    }


def chart_targets(aims: pd.DataFrame) -> pd.DataFrame:
    """The aims' targets as lines for charts, one for the gap and one for each group; of two aims the first one's."""
    rows: list[dict[str, Any]] = []
    for aim in aims.to_dict("records"):
        key = {name: aim[name] for name in ("measure_id", "site", "stratifier")}
        rows.append({**key, "subject": GAP, "stratum": aim["stratum"], "target": aim["gap_target"]})
        rows += [
            {**key, "subject": STRATUM, "stratum": group, "target": value}
            for group, value in group_targets(aim["group_targets"], f"aims: {aim['aim_id']}").items()
        ]
    return pd.DataFrame(rows, columns=list(TARGET_COLUMNS)).astype({"target": "float64"})


def driver_depth(drivers: pd.DataFrame) -> np.ndarray:
    """1 for a primary driver, else one more than the deepest of the drivers that it moves (which have no cycle)."""
    depth: dict[str, int] = {}
    rows = [(str(row["driver_id"]), str(row["parents"]).split()) for row in drivers.to_dict("records")]
    while len(depth) < len(rows):
        for name, parents in rows:
            if name not in depth and all(parent in depth for parent in parents):
                depth[name] = 1 + max((depth[parent] for parent in parents), default=0)
    return np.array([depth[name] for name, _ in rows], dtype=np.int64)
