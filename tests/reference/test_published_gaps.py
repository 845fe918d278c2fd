"""A published gap comes out of our own functions: bed-days by neighborhood poverty (Beck et al. 2018)."""

from __future__ import annotations

import pandas as pd
import pytest

from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, published, stratum

# Health Affairs 37(4):551, bed-days per 1,000 children a year by quintile of child poverty; about 190,000 children.
BED_DAYS_PER_1000 = {"q1": 87.7, "q2": 113.3, "q3": 130.7, "q4": 144.1, "q5": 171.4}
CHILDREN_PER_QUINTILE = 38_000


def test_bed_days_that_would_not_have_been_spent_are_about_22_child_years() -> None:
    rows = [
        stratum(
            quintile,
            round(rate * CHILDREN_PER_QUINTILE / 1000),
            12 * CHILDREN_PER_QUINTILE,
            measure_id="days",
            stratifier="poverty",
        )
        for quintile, rate in BED_DAYS_PER_1000.items()
    ]
    labels = pd.concat(
        [LABELS, pd.DataFrame([("poverty", f"q{n}", n, False) for n in (2, 3, 4)], columns=LABELS.columns)]
    )
    estimated = add_estimates(published(*rows), MEASURES, 0.95, keep_sums=True)
    assert estimated["value"].tolist() == pytest.approx(list(BED_DAYS_PER_1000.values()), abs=0.02)
    gaps = compute_gaps(estimated, MEASURES, STRATIFIERS, labels, 0.95)
    assert set(gaps["reference_stratum"]) == {"q1"}
    assert gaps["excess"].sum() / 365 == pytest.approx(21.7, abs=0.05)
    assert gaps["excess_low"].sum() / 365 < 21.7 < gaps["excess_high"].sum() / 365
    assert gaps["is_meaningful"].all()
