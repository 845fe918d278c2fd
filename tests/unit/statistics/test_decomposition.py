"""Kitagawa's split of a race gap: its parts add up, pure cases come out pure, and hidden cells stop it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.statistics.decomposition import CAVEAT, COLUMNS, NUMBERS, compute_decomposition
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from orchestration.statistics.intervals import wilson
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, array, published, stratum, withheld

Z = 1.959963984540054

GROUPING = "race_omb2024_multi"
CROSSED = {"stratifier": "race_by_poverty", "stratifier_2": "poverty_quintile"}
NAMES = {"race": GROUPING, "poverty": "poverty_quintile"}
LABELS_HERE = LABELS.assign(stratifier=LABELS["stratifier"].replace(NAMES))
STRATIFIERS_HERE = STRATIFIERS.assign(stratifier=STRATIFIERS["stratifier"].replace(NAMES))
STRATIFIERS_HERE.loc[STRATIFIERS_HERE["stratifier"].eq(GROUPING), "reference_rule"] = "named:group_a"


def rows_of(cells: dict[str, list[tuple[int, int]]], measure: str = "above") -> list[dict[str, Any]]:
    """Groups and their cells in the lowest and highest fifth, from (numerator, denominator) pairs."""
    rows = []
    for name, pairs in cells.items():
        total = [sum(pair[i] for pair in pairs) for i in (0, 1)]
        rows.append(stratum(name, total[0], total[1], measure_id=measure, stratifier=GROUPING))
        rows += [
            stratum(
                name,
                y,
                d,
                measure_id=measure,
                stratifier="race_by_poverty",
                stratifier_2="poverty_quintile",
                stratum_2=q,
            )
            for q, (y, d) in zip(("q1", "q5"), pairs, strict=True)
        ]
    return rows


def split(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = published(*rows)
    for column in ("disclosure_status", "quality_status"):
        frame[column] = [row.get(column, frame[column].iloc[0]) for row in rows]
    strata = add_estimates(frame, MEASURES, 0.95, keep_sums=True)
    gaps = compute_gaps(strata, MEASURES, STRATIFIERS_HERE, LABELS_HERE, 0.95)
    return compute_decomposition(strata, gaps, MEASURES, LABELS_HERE, 0.95)


def test_a_worked_example() -> None:
    """80 and 20 of 100 against 20 and 80, values 10 and 30 % against 20 and 50 %: gap 30 = 16.5 + 13.5 points."""
    found = split(rows_of({"group_a": [(8, 80), (6, 20)], "group_b": [(4, 20), (40, 80)]}))
    assert tuple(found.columns) == COLUMNS
    row = found.iloc[0]
    assert row["difference"] == pytest.approx(30)
    assert row["composition_part"] == pytest.approx(-0.6 * 15 + 0.6 * 40)
    assert row["within_part"] == pytest.approx(0.5 * 10 + 0.5 * 20)
    assert (row["stratum"], row["reference_stratum"], row["stratifier"]) == ("group_b", "group_a", GROUPING)
    # Half the difference in shares, and the mean share, times the standard errors of both groups' Wilson intervals.
    errors = {
        at: sum(
            ((high[0] - low[0]) / (2 * Z)) ** 2 for low, high in (wilson(array(y), array(n), 0.95) for y, n in cells)
        )
        for at, cells in (("q1", [(8, 80), (4, 20)]), ("q5", [(6, 20), (40, 80)]))
    }
    for part, weight in (("composition_part", 0.6 / 2), ("within_part", 0.5)):
        half = 100 * Z * weight * np.sqrt(errors["q1"] + errors["q5"])
        assert row[f"{part}_high"] - row[part] == pytest.approx(half)
        assert row[part] - row[f"{part}_low"] == pytest.approx(half)
    assert row["caveat"] == CAVEAT and "not cause" in CAVEAT


def test_pure_composition_and_pure_within() -> None:
    mix = split(rows_of({"group_a": [(8, 80), (6, 20)], "group_b": [(2, 20), (24, 80)]})).iloc[0]
    assert mix["within_part"] == pytest.approx(0)
    assert mix["composition_part"] == pytest.approx(mix["difference"]) == pytest.approx(12)
    within = split(rows_of({"group_a": [(10, 50), (10, 50)], "group_b": [(20, 50), (20, 50)]})).iloc[0]
    assert within["composition_part"] == pytest.approx(0)
    assert within["within_part"] == pytest.approx(20)


def test_the_sign_is_that_of_disadvantage() -> None:
    above = split(rows_of({"group_a": [(8, 80), (6, 20)], "group_b": [(4, 20), (40, 80)]})).iloc[0]
    below = split(rows_of({"group_a": [(72, 80), (14, 20)], "group_b": [(16, 20), (40, 80)]}, "below")).iloc[0]
    for name in NUMBERS:
        assert above[name] == pytest.approx(below[name], abs=1e-9)


CELL = st.integers(20, 200).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n)))


@settings(max_examples=30, deadline=None)
@given(*(st.lists(CELL, min_size=2, max_size=2) for _ in range(2)))
def test_parts_add_up_to_the_gap_of_whom_the_neighborhood_is_known(
    reference: list[tuple[int, int]], group: list[tuple[int, int]]
) -> None:
    row = split(rows_of({"group_a": reference, "group_b": group})).iloc[0]
    crude = [100 * sum(y for y, _ in cells) / sum(d for _, d in cells) for cells in (group, reference)]
    assert row["difference"] == pytest.approx(crude[0] - crude[1], abs=1e-9)
    assert row["composition_part"] + row["within_part"] == pytest.approx(row["difference"], abs=1e-9)
    assert row["within_part_low"] < row["within_part"] < row["within_part_high"]


def test_swapping_groups_turns_the_signs() -> None:
    one, two = [(8, 80), (6, 20)], [(4, 20), (40, 80)]
    first, second = (split(rows_of({"group_a": a, "group_b": b})).iloc[0] for a, b in ((one, two), (two, one)))
    np.testing.assert_allclose(
        first[["composition_part", "within_part"]].tolist(), [-v for v in second[["composition_part", "within_part"]]]
    )


@pytest.mark.parametrize(
    ("status", "quality", "expected"),
    [("suppressed", "publish", "suppressed"), ("not_assessed", "hold", "not_assessed")],
)
def test_a_cell_that_is_not_published_stops_it(status: str, quality: str, expected: str) -> None:
    rows = rows_of({"group_a": [(8, 80), (6, 20)], "group_b": [(4, 20), (40, 80)]})
    rows[4] = withheld(rows[4], status, quality)
    found = split(rows)
    assert found["disclosure_status"].tolist() == [expected]
    assert found[list(NUMBERS)].isna().all().all()
    assert found["decomposition_method"].tolist() == [None]


def test_a_cell_without_anybody_leaves_it_unassessed() -> None:
    rows = rows_of({"group_a": [(8, 80), (6, 20)], "group_b": [(4, 20), (40, 80)]})
    assert split([*rows[:4], *rows[5:]])["disclosure_status"].tolist() == ["not_assessed"]
