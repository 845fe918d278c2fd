"""What was planted in a generated registry is found: gaps, the gradient along poverty, and the change of a gap."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from orchestration.statistics.differences import mover_difference
from orchestration.statistics.inequality_groups import Groups
from orchestration.statistics.inequality_ordered import linear_indices
from orchestration.statistics.intervals import Interval, poisson_rate, wilson
from orchestration.synthetic.registry import generate

FIFTHS = ("q5", "q4", "q3", "q2", "q1")


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Planted and realised values of 8,000 children by measure, year and group, all sites together."""
    truth = generate(tmp_path_factory.mktemp("registry"), patients=8_000, as_of=dt.date(2026, 6, 30), faults=False)
    frame = pd.DataFrame([dict(rate) for rate in truth.rates])
    return frame[frame["site"].eq("all")].reset_index(drop=True)


def one(rates: pd.DataFrame, measure: str, stratum: str, year: str) -> pd.Series:
    found = rates[
        rates["measure"].eq(measure) & rates["stratum"].eq(stratum) & rates["year_ends_on"].str.startswith(year)
    ]
    assert len(found) == 1
    return found.iloc[0]


def side(row: pd.Series) -> tuple[np.ndarray, Interval]:
    """Value and 99.8 % interval: one registry in 500 would have a gap outside."""
    x, n = np.array([float(row["numerator"])]), np.array([float(row["denominator"])])
    return x / n, wilson(x, n, 0.998)


@pytest.mark.parametrize("year", ["2024", "2025", "2026"])
def test_the_planted_gap_in_hba1c_lies_in_the_interval(rates: pd.DataFrame, year: str) -> None:
    rows = [one(rates, "hba1c_above_9", group, year) for group in ("BLACK", "WHITE")]
    (value, interval), (reference, reference_interval) = map(side, rows)
    found = mover_difference(value, interval, reference, reference_interval)
    planted = (rows[0]["planted"] - rows[1]["planted"]) / 100
    assert planted > 0
    assert found.low[0] <= planted <= found.high[0]
    assert found.low[0] > 0


def test_the_change_that_was_planted_narrows_the_gap(rates: pd.DataFrame) -> None:
    gaps = []
    for year in ("2024", "2026"):
        rows = [one(rates, "hba1c_above_9", group, year) for group in ("BLACK", "WHITE")]
        (value, interval), (reference, reference_interval) = map(side, rows)
        gaps.append((value - reference, mover_difference(value, interval, reference, reference_interval)))
    (before, before_interval), (after, after_interval) = gaps
    change = mover_difference(after, after_interval, before, before_interval)
    assert (after - before)[0] < 0
    assert change.low[0] < -0.0724 < change.high[0]  # 8.31 points planted at the end, 15.55 at the start


def test_intervals_of_common_outcomes_cover_what_was_planted(rates: pd.DataFrame) -> None:
    """Rates of rare and repeated events are clustered in children and need their cross-products, which are not here."""
    shares = rates[rates["measure"].isin(["hba1c_below_7", "hba1c_above_9", "hba1c_tested"])]
    x, n = (shares[name].to_numpy(dtype=np.float64) for name in ("numerator", "denominator"))
    limits = wilson(x, n, 0.95)
    planted = shares["planted"].to_numpy(dtype=np.float64) / 100
    covered = (limits.low <= planted) & (planted <= limits.high)
    assert len(shares) >= 40
    assert covered.mean() > 0.88


@pytest.mark.parametrize("measure", ["ed_visits", "dka_admissions"])
def test_the_planted_gradient_along_poverty_is_found(rates: pd.DataFrame, measure: str) -> None:
    rows = [one(rates, measure, fifth, "2025") for fifth in FIFTHS]
    x, n = (np.array([[float(row[name])] for row in rows]) for name in ("numerator", "denominator"))
    low, high = poisson_rate(x, n, 0.95)
    groups = Groups(x / n, (high - low) / 3.92, n, np.ones(1), np.array([4]), np.array([4]))
    found = linear_indices(groups, 0.95)
    planted = np.array([[row["planted"] / 100] for row in rows])
    truth = linear_indices(Groups(planted, groups.error, n, np.ones(1), np.array([4]), np.array([4])), 0.95)
    assert found["sii"].high[0] < 0, "poorer fifths have more"
    # Children have several events each, so Poisson errors are too small: three of them.
    margin = 3 * (found["sii"].high[0] - found["sii"].low[0]) / 3.92
    assert abs(found["sii"].value[0] - truth["sii"].value[0]) < margin
