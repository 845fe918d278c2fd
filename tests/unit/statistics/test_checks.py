"""Numbers that no group can have are refused by every function that takes counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from orchestration.errors import StatisticsError
from orchestration.statistics import intervals, p_values, ratios, reliability, standardise

OF_SHARES: dict[str, Callable[[Any, Any], Any]] = {
    "wilson": lambda x, n: intervals.wilson(x, n, 0.95),
    "clopper_pearson": lambda x, n: intervals.clopper_pearson(x, n, 0.95),
    "score_ratio": lambda x, n: ratios.score_ratio(x, n, x, n, 0.95),
    "pooled_proportions": lambda x, n: p_values.pooled_proportions(x, n, x, n),
    "proportion_status": lambda x, n: reliability.proportion_status(x, n),
    "direct_proportion": lambda x, n: standardise.direct_proportion(x[None], n[None], np.ones(1), 0.95),
}
OF_RATES: dict[str, Callable[[Any, Any], Any]] = {
    "exact_poisson": lambda x, n: intervals.exact_poisson(x, n, 0.95),
    "byar": lambda x, n: intervals.byar(x, n, 0.95),
    "poisson_rate": lambda x, n: intervals.poisson_rate(x, n, 0.95),
    "ratio_relative_variance": lambda x, n: intervals.ratio_relative_variance(x, n, n, x, x, n),
    "conditional_poisson": lambda x, n: p_values.conditional_poisson(x, n, x, n),
    "direct_rate": lambda x, n: standardise.direct_rate(x[None], n[None], np.ones(1), 0.95),
    "indirect_ratio": lambda x, n: standardise.indirect_ratio(x, n, 0.95),
    "student_t": lambda x, n: intervals.student_t(x, n, x, 0.95),
}
# These take effective numbers, which are seldom whole.
FRACTIONAL = {"wilson", "exact_poisson", "byar", "conditional_poisson"}


@pytest.mark.parametrize("name", [*OF_SHARES, *OF_RATES])
@pytest.mark.parametrize("wrong", [-1.0, np.inf, 2.5], ids=["negative", "endless", "broken"])
def test_a_count_that_cannot_be_is_refused(name: str, wrong: float) -> None:
    function = {**OF_SHARES, **OF_RATES}[name]
    counts, of = np.array([3.0, wrong, np.nan]), np.array([np.inf if np.isinf(wrong) else 40.0, 40.0, np.nan])
    if wrong == 2.5 and name in FRACTIONAL:
        function(counts, of)
        return
    with pytest.raises(StatisticsError, match="from 0 up") as error:
        function(counts, of)
    assert "2.5" not in str(error.value)


@pytest.mark.parametrize("name", OF_SHARES)
def test_a_numerator_above_its_denominator_is_refused(name: str) -> None:
    with pytest.raises(StatisticsError, match="numerator is at most its denominator"):
        OF_SHARES[name](np.array([3.0, 41.0]), np.array([40.0, 40.0]))


@pytest.mark.parametrize("name", [*OF_SHARES, *OF_RATES])
def test_withheld_counts_pass(name: str) -> None:
    {**OF_SHARES, **OF_RATES}[name](np.array([3.0, np.nan]), np.array([40.0, np.nan]))
