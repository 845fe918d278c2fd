"""NCHS reliability as a table of cases, each on one side of one rule."""

from __future__ import annotations

import numpy as np
import pytest

from orchestration.statistics import reliability
from orchestration.statistics.intervals import Interval, clopper_pearson
from tests.support.strata_frames import array


@pytest.mark.parametrize(
    ("successes", "trials", "status", "rule"),
    [
        (14, 29, "unreliable", "fewer than 30 people"),
        (15, 30, "unreliable", "interval width at least 0.30"),
        (5, 100, "unreliable", "width above 130 % of the proportion"),
        (8, 60, "unreliable", "width of 140 % of the proportion"),
        (10, 64, "reliable", "width of 121 % of the proportion"),
        (30, 100, "reliable", "width between 0.05 and 0.30, relative width small"),
        (5, 1000, "reliable", "width at most 0.05, whatever the relative width"),
        (190, 200, "reliable", "high proportion: the complement only earns a footnote"),
        (0, 29, "unreliable", "zero with fewer than 30 people"),
        (0, 500, "not_assessed", "zero is for a statistician's review"),
        (500, 500, "not_assessed", "so is everybody"),
        (0, 0, "not_applicable", "nobody"),
        (np.nan, np.nan, "not_assessed", "withheld"),
    ],
)
def test_proportion(successes: float, trials: float, status: str, rule: str) -> None:
    assert reliability.proportion_status(array(successes), array(trials)).tolist() == [status], rule


def test_relative_width_case_has_neither_a_narrow_nor_a_wide_interval() -> None:
    """The case above is decided by the rule that it names."""
    low, high = clopper_pearson(array(5), array(100), 0.95)
    assert 0.05 < high[0] - low[0] < 0.30


@pytest.mark.parametrize(
    ("events", "effective", "patients", "rate", "low", "high", "status"),
    [
        (10, 10, 10, 1.0, 0.5, 2.1, "reliable"),
        (9, 9, 100, 1.0, 0.5, 1.9, "unreliable"),
        (30, 9.9, 100, 1.0, 0.5, 1.9, "unreliable"),
        (30, 30, 9, 1.0, 0.5, 1.9, "unreliable"),
        (30, 30, 100, 1.0, 0.5, 2.11, "unreliable"),
        (0, 0, 100, 0.0, 0.0, 0.3, "unreliable"),
        (np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, "not_assessed"),
        (0, 0, 0, np.nan, np.nan, np.nan, "not_applicable"),
    ],
)
def test_rate(
    events: float, effective: float, patients: float, rate: float, low: float, high: float, status: str
) -> None:
    found = reliability.rate_status(
        array(events), array(effective), array(patients), array(rate), Interval(array(low), array(high))
    )
    assert found.tolist() == [status]


@pytest.mark.parametrize(
    ("mean", "error", "count", "status"),
    [
        (8.0, 2.4, 30, "reliable"),
        (8.0, 2.41, 30, "unreliable"),
        (8.0, 0.1, 29, "unreliable"),
        (0.0, 0.1, 50, "unreliable"),
        (8.0, np.nan, 1, "unreliable"),
        (np.nan, np.nan, 0, "not_applicable"),
        (np.nan, np.nan, np.nan, "not_assessed"),
    ],
)
def test_mean(mean: float, error: float, count: float, status: str) -> None:
    assert reliability.mean_status(array(mean), array(error), array(count)).tolist() == [status]


def test_a_comparison_is_as_good_as_its_worse_side() -> None:
    def objects(*names: str) -> reliability.StatusArray:
        return np.array(names, dtype=object)

    worse = reliability.worse_of(
        objects("reliable", "reliable", "not_assessed"), objects("reliable", "not_assessed", "unreliable")
    )
    assert worse.tolist() == ["reliable", "not_assessed", "unreliable"]
    verdict = reliability.worse_quality(objects("publish", "publish", "hold"), objects("publish", "warn", "warn"))
    assert verdict.tolist() == ["publish", "warn", "hold"]
