"""How often charts cry wolf where nothing changed, and how soon they see a planted change: simulated, as documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestration.settings import PROJECT_ROOT
from orchestration.statistics.intervals import BoolArray, FloatArray
from orchestration.statistics.spc import limits, rules
from orchestration.statistics.spc.limits import Limits
from orchestration.statistics.spc.runs import anhoej
from orchestration.statistics.spc.selection import overdispersed

SERIES, POINTS = 4000, 36
DOCS = PROJECT_ROOT / "docs" / "charts_and_aims.md"


def baseline(points: int, series: int = SERIES) -> BoolArray:
    return np.repeat(np.arange(POINTS)[None, :] < points, series, axis=0)


def rates_of(y: FloatArray, found: Limits, after: int) -> tuple[float, float, float]:
    """Share of charts with a point beyond a limit, with any rule of Making Data Count, and with Anhøj's."""
    rule = rules.making_data_count(y, found).rule[:, after:]
    beyond, every = (rule == rules.BEYOND_LIMIT).any(axis=1).mean(), (rule != 0).any(axis=1).mean()
    return float(beyond), float(every), float(anhoej(y, found.centre).signals.mean())


def simulate(chart: str, points: int) -> tuple[float, float, float]:
    rng = np.random.default_rng([20260701, points])
    n = rng.integers(80, 200, (SERIES, POINTS)).astype(np.float64)
    y = rng.binomial(n.astype(int), 0.3).astype(np.float64) if chart != "u" else rng.poisson(n * 0.2).astype(np.float64)
    base = baseline(points)
    after = points if points < POINTS else 0
    if chart == "XmR":
        return rates_of(y / n, limits.individuals(y / n, base), after)
    draw = {"p": limits.proportions, "p prime": limits.proportions_prime, "u": limits.rates}[chart]
    return rates_of(y / n, draw(y, n, base), after)


def documented() -> dict[tuple[str, int], tuple[float, float, float]]:
    """The table of the docs: chart, baseline points, and three shares in %."""
    found = {}
    for line in Path(DOCS).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[1].isdigit():
            found[(cells[0], int(cells[1]))] = tuple(float(cell.rstrip(" %")) / 100 for cell in cells[2:])
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("chart", ["p", "p prime", "u", "XmR"])
@pytest.mark.parametrize("points", [12, 24, 36])
def test_the_docs_say_how_often_nothing_looks_like_something(chart: str, points: int) -> None:
    said, found = documented()[(chart, points)], simulate(chart, points)
    # Two simulations of 4,000 charts differ by less than this in 999 of 1,000 comparisons.
    np.testing.assert_allclose(found, said, atol=0.035)


def test_points_that_look_back_signal_runs_in_nearly_every_chart_and_limits_in_hardly_any() -> None:
    """Each child keeps a level, is tested every third month, and its last value counts for a year: nothing changes."""
    rng = np.random.default_rng(11)
    series, children, months = 150, 150, POINTS + 12
    level = 1.365 + 0.3 * rng.standard_normal((series, children, 1))
    value = 4 + np.exp(level + 0.2 * rng.standard_normal((series, children, months)))
    tested = rng.random((series, children, months)) < 0.28
    position = np.maximum.accumulate(np.where(tested, np.arange(months), -1), axis=2)[:, :, 12:]
    latest = np.take_along_axis(value, np.maximum(position, 0), axis=2)
    n = (position >= 0).sum(axis=1).astype(np.float64)
    y = ((latest > 9) & (position >= 0)).sum(axis=1).astype(np.float64)
    beyond, every, runs = rates_of(y / n, limits.proportions(y, n, baseline(12, series)), 12)
    assert (beyond < 0.03, every > 0.8, runs > 0.8) == (True, True, True)


def test_laney_s_limits_are_chosen_by_chance_in_one_of_twenty() -> None:
    rng = np.random.default_rng(5)
    for points in (8, 12, 24, 36):
        n = rng.integers(80, 200, (SERIES, points)).astype(np.float64)
        y = rng.binomial(n.astype(int), 0.3).astype(np.float64)
        every = np.ones((SERIES, points), dtype=bool)
        centre = np.repeat(limits.pooled(y, n, every)[:, None], points, axis=1)
        factor = limits.dispersion(y / n, centre, np.sqrt(centre * (1 - centre) / n), every)
        assert 0.035 < overdispersed(factor, np.full(SERIES, points)).mean() < 0.07


@pytest.mark.parametrize(("shift", "within", "share"), [(1.0, 12, 0.72), (1.5, 8, 0.9), (2.0, 4, 0.94), (3.0, 2, 0.98)])
def test_a_planted_shift_is_found_within_a_stated_number_of_points(shift: float, within: int, share: float) -> None:
    """A shift of so many standard deviations of a point, after 24 points without change."""
    rng = np.random.default_rng(3)
    y = rng.standard_normal((SERIES, POINTS))
    y[:, 24:] += shift
    signals = rules.making_data_count(y, limits.individuals(y, baseline(24)))
    found = (signals.rule[:, 24 : 24 + within] != 0) & (signals.direction[:, 24 : 24 + within] > 0)
    assert found.any(axis=1).mean() > share
