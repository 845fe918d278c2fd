"""Values and intervals of strata: which method when, in displayed units, and NULL with a status where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from orchestration.errors import StatisticsError
from orchestration.statistics.estimates import add_estimates
from tests.support.strata_frames import MEASURES, published, strata_frame, stratum, withheld

SUMS = ["sum_yy", "sum_yd", "sum_dd"]


def _one(row: dict[str, object], confidence: float = 0.95) -> pd.Series:
    return add_estimates(published(row), MEASURES, confidence).iloc[0]


def test_proportion_is_wilson_in_percent() -> None:
    row = _one(stratum("group_a", 30, 120))
    assert (row["value"], row["ci_method"], row["reliability_status"]) == (25.0, "Wilson score", "reliable")
    # 30 of 120 by hand: (30 + 1.9207) / 123.8415 -+ 1.95996 * sqrt(30 * 90 / 120 + 0.9604) / 123.8415.
    assert row["ci_low"] == pytest.approx(18.110, abs=5e-4)
    assert row["ci_high"] == pytest.approx(33.441, abs=5e-4)


@pytest.mark.parametrize(
    ("events", "sum_yy", "patients", "method"),
    [
        (9, 9, 100, "exact Poisson"),
        (9, 30, 100, "exact Poisson, design effect"),
        (10, 10, 100, "Byar"),
        (10, 12, 100, "cluster-robust, log scale"),
        (10, 12, 9, "exact Poisson, design effect"),
        (0, 0, 100, "exact Poisson"),
    ],
)
def test_method_of_a_rate(events: int, sum_yy: int, patients: int, method: str) -> None:
    row = stratum("group_a", events, patients * 12, measure_id="visits", sum_yy=sum_yy, sum_yd=events * 12)
    row |= {"n_patients": patients, "sum_dd": patients * 144}
    assert _one(row)["ci_method"] == method


def test_rate_is_per_hundred_patient_years() -> None:
    row = _one(stratum("group_a", 50, 12 * 200, measure_id="visits"))
    assert row["value"] == 25.0
    assert row["ci_low"] < 25.0 < row["ci_high"]


def test_zero_events_have_a_value_and_an_upper_bound() -> None:
    row = _one(stratum("group_a", 0, 12 * 200, measure_id="visits"))
    assert (row["value"], row["ci_low"]) == (0.0, 0.0)
    assert row["ci_high"] == pytest.approx(1200 * -np.log(0.025) / 2400)
    assert row["reliability_status"] == "unreliable"


def test_clustering_widens_the_interval_and_counts_against_reliability() -> None:
    """Twelve events of twelve patients are enough; twelve events of which one patient had nine are not."""
    spread = {"measure_id": "visits", "sum_yd": 144, "n_patients": 100, "sum_dd": 14400}
    once = _one(stratum("group_a", 12, 1200, **spread, sum_yy=12))
    again = _one(stratum("group_a", 12, 1200, **spread, sum_yy=9 * 9 + 3))
    assert once["value"] == again["value"]
    assert again["ci_high"] - again["ci_low"] > once["ci_high"] - once["ci_low"]
    assert (once["reliability_status"], again["reliability_status"]) == ("reliable", "unreliable")


def test_a_burst_is_one_piece_of_evidence_also_where_the_group_had_none() -> None:
    """All children's days in hospital come in stays of six; a group without any cannot tell, and is no surer for it."""
    spread = {"measure_id": "visits", "stratifier": "overall"}
    everyone = stratum("all", 240, 4800, **spread, n_patients=400, sum_yy=6 * 240, sum_yd=240 * 12, sum_dd=400 * 144)
    alone = _one(stratum("group_a", 0, 600, measure_id="visits"))
    rows = add_estimates(
        published(
            everyone,
            stratum("group_a", 0, 600, measure_id="visits"),
            stratum("group_b", 6, 600, measure_id="visits", n_patients=50, sum_yy=36, sum_yd=72, sum_dd=50 * 144),
            stratum("group_c", 6, 600, measure_id="visits", n_patients=50, sum_yy=6, sum_yd=72, sum_dd=50 * 144),
            stratum("group_d", 80, 240, measure_id="visits", n_patients=20, sum_yy=320, sum_yd=960, sum_dd=20 * 144),
        ),
        MEASURES, 0.95,
    ).set_index("stratum")  # fmt: skip
    # 400 / 399 * (1440 - 2 * 0.05 * 2880 + 0.0025 * 57600), and nothing more from group_d's 80 equal events.
    effect = 400 / 399 * (1440 - 288 + 144) / (240 + 80)
    assert alone["ci_high"] == pytest.approx(1200 * -np.log(0.025) / 600)
    assert rows.loc["group_a", "ci_high"] == pytest.approx(effect * alone["ci_high"])
    assert rows.loc["group_a", "ci_low"] == 0
    # Six days of one child are one stay, more than the measure's effect; of six children, that effect.
    from_one_stay = 1200 * 6 * np.array([0.025317808, 5.571643]) / 600
    np.testing.assert_allclose(rows.loc["group_b", ["ci_low", "ci_high"]].astype(float), from_one_stay, rtol=1e-6)
    assert rows.loc["group_c", "ci_high"] < rows.loc["group_b", "ci_high"]
    assert rows["ci_method"].tolist() == [
        "cluster-robust, log scale", *["exact Poisson, design effect"] * 3, "Byar, design effect"
    ]  # fmt: skip


def test_the_effect_of_bursts_is_that_of_the_same_measure_and_length_of_period() -> None:
    everyone = stratum("all", 240, 4800, measure_id="visits", n_patients=400, sum_yy=1440, sum_yd=2880, sum_dd=57600)
    rows = published(everyone, stratum("group_a", 0, 600, measure_id="visits") | {"grain": "month"})
    assert add_estimates(rows, MEASURES, 0.95)["ci_method"].iloc[1] == "exact Poisson"


def test_equal_rates_of_all_patients_do_not_make_a_rate_certain() -> None:
    """Every patient with four visits in twelve months: the robust variance is 0, so Byar's limits stand."""
    row = stratum("group_a", 400, 1200, measure_id="visits", n_patients=100, sum_yy=1600, sum_yd=4800, sum_dd=14400)
    found = _one(row)
    assert found["ci_method"] == "Byar"
    assert found["ci_low"] < found["value"] < found["ci_high"]


def test_mean_is_given_in_its_unit() -> None:
    """Values 7.0, 8.0 and 9.0 %: mean 8, standard deviation 1."""
    row = _one(stratum("group_a", 240, 3, measure_id="average", sum_yy=4900 + 6400 + 8100))
    assert row["value"] == pytest.approx(8.0)
    assert row["ci_high"] - row["value"] == pytest.approx(4.302652729911275 / np.sqrt(3), rel=1e-9)
    assert (row["ci_method"], row["reliability_status"]) == ("Student t", "unreliable")


def test_one_value_has_a_mean_but_no_interval() -> None:
    row = _one(stratum("group_a", 80, 1, measure_id="average", sum_yy=6400))
    assert row["value"] == pytest.approx(8.0)
    assert pd.isna(row["ci_low"]) and pd.isna(row["ci_high"]) and row["ci_method"] is None
    assert row["reliability_status"] == "unreliable"


@pytest.mark.parametrize("measure", ["above", "visits", "average"])
def test_nobody_is_zero_people_and_no_value(measure: str) -> None:
    row = _one(stratum("group_a", 0, 0, measure_id=measure))
    assert (row["n_patients"], row["numerator"], row["denominator"]) == (0, 0, 0)
    assert pd.isna(row["value"]) and pd.isna(row["ci_low"]) and row["ci_method"] is None
    assert row["reliability_status"] == "not_applicable"


@pytest.mark.parametrize(("status", "quality"), [("suppressed", "publish"), ("not_assessed", "hold")])
def test_withheld_is_null_and_never_zero(status: str, quality: str) -> None:
    found = add_estimates(published(withheld(stratum("group_a", 3, 40))).assign(
        disclosure_status=status, quality_status=quality), MEASURES, 0.95)  # fmt: skip
    row = found.iloc[0]
    assert found[["numerator", "value", "ci_low", "ci_high"]].isna().all(axis=None)
    assert row["ci_method"] is None
    assert (row["disclosure_status"], row["reliability_status"]) == (status, "not_assessed")


def test_reliability_does_not_depend_on_the_displayed_confidence() -> None:
    rows = [stratum("group_a", x, 12 * n, measure_id="visits", n_patients=n) for x in (8, 10, 40) for n in (50, 90)]
    rows += [stratum("group_b", x, n) for x in (5, 15, 40) for n in (40, 90)]
    at = {c: add_estimates(published(*rows), MEASURES, c) for c in (0.8, 0.95, 0.998)}
    assert at[0.8]["reliability_status"].tolist() == at[0.95]["reliability_status"].tolist()
    assert at[0.998]["reliability_status"].tolist() == at[0.95]["reliability_status"].tolist()
    assert (at[0.998]["ci_low"] < at[0.8]["ci_low"]).all()


def test_sums_are_dropped_unless_asked_for_and_counts_are_nullable() -> None:
    strata = published(stratum("group_a", 30, 120))
    found = add_estimates(strata, MEASURES, 0.95)
    assert not set(SUMS) & set(found.columns)
    assert set(SUMS) <= set(add_estimates(strata, MEASURES, 0.95, keep_sums=True).columns)
    assert {str(found[column].dtype) for column in ("n_patients", "numerator", "denominator")} == {"Int64"}
    assert list(strata.columns) == list(published(stratum("group_a", 30, 120)).columns)


def test_empty_frame_gives_an_empty_frame() -> None:
    found = add_estimates(published(), MEASURES, 0.95)
    assert len(found) == 0
    assert {"value", "ci_low", "ci_high", "ci_method", "reliability_status"} <= set(found.columns)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"numerator": -1}, "whole numbers"),
        ({"numerator": 10.5}, "whole numbers"),
        ({"denominator": np.inf, "n_patients": np.inf}, "whole numbers"),
        ({"numerator": np.nan}, "published row has all"),
        ({"sum_yy": np.nan}, "published row has all"),
        ({"numerator": 121, "sum_yy": 121, "n_patients": 200, "denominator": 120}, "at most its denominator"),
        ({"n_patients": 119}, "at most the number of patients"),
        ({"n_patients": 0}, "nobody"),
        ({"sum_yy": 31}, "at most once"),
        ({"sum_yd": 100}, "one set of patients"),
        ({"measure_id": "unheard_of"}, "`measure_id` is one of its vocabulary"),
        ({"disclosure_status": "suppressed"}, "withheld row has no count"),
        ({"site": None}, "names its measure"),
        ({"numerator": "thirty"}, "holds numbers"),
        ({"measure_id": "visits", "sum_yy": 29, "sum_dd": 120}, "squares of whole numbers"),
        ({"measure_id": "average", "numerator": 9600, "sum_yy": 700_000}, "one set of patients"),
    ],
)
def test_impossible_counts_are_refused_without_their_numbers(change: dict[str, object], rule: str) -> None:
    row = published(stratum("group_a", 30, 120)).iloc[0].to_dict()
    with pytest.raises(StatisticsError, match=rule) as caught:
        add_estimates(pd.DataFrame([{**row, **change}]), MEASURES, 0.95)
    assert "120" not in str(caught.value) and "10.5" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "median"), ("direction", "sideways"), ("multiplier", 0.0), ("multiplier", np.nan)]
)
def test_unusable_definitions_are_refused(column: str, value: object) -> None:
    broken = MEASURES.assign(**{column: MEASURES[column].mask(MEASURES["measure_id"].eq("above"), value)})
    with pytest.raises(StatisticsError, match=column):
        add_estimates(published(stratum("group_a", 30, 120)), broken, 0.95)


def test_measure_defined_twice_is_refused() -> None:
    with pytest.raises(StatisticsError, match="defined once"):
        add_estimates(published(stratum("group_a", 30, 120)), pd.concat([MEASURES, MEASURES.head(1)]), 0.95)


def test_frame_that_did_not_pass_disclosure_control_is_refused() -> None:
    with pytest.raises(StatisticsError, match="disclosure_status"):
        add_estimates(strata_frame(stratum("group_a", 30, 120)), MEASURES, 0.95)
