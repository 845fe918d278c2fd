"""Standardised rates and ratios equal those of PHEindicatormethods (data/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.statistics.standardise import Standardised, direct_rate, expected_events, indirect_ratio

DATA = Path(__file__).parent / "data"
CELLS = pd.read_csv(DATA / "standardisation_cells.csv")
EXPECTED = pd.read_csv(DATA / "standardisation_expected.csv")
CASES = sorted(CELLS["case"].unique())


def _cells(case: str, column: str, groups: list[str]) -> np.ndarray:
    rows = CELLS[CELLS["case"].eq(case)]
    return rows.pivot(index="ageband", columns="group", values=column)[groups].to_numpy(dtype=np.float64)


def _expected(case: str, method: str) -> pd.DataFrame:
    return EXPECTED[EXPECTED["case"].eq(case) & EXPECTED["method"].eq(method)].reset_index(drop=True)


def _assert_equal(found: Standardised, expected: pd.DataFrame, suffix: str, scale: float) -> None:
    for part, column in zip(found, ("value", f"lower{suffix}", f"upper{suffix}"), strict=True):
        np.testing.assert_allclose(part * scale, expected[column].to_numpy(dtype=np.float64), rtol=1e-9)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("confidence", "suffix"), [(0.95, "95"), (0.998, "998")])
def test_direct_dobson_with_byar(case: str, confidence: float, suffix: str) -> None:
    """A group with fewer than 10 events has none, in the package and here."""
    expected = _expected(case, "dobson-byar")
    groups = expected["group"].tolist()
    columns = [_cells(case, name, groups) for name in ("events", "exposure", "stdpop")]
    found = direct_rate(columns[0], columns[1], columns[2][:, 0], confidence)
    _assert_equal(found, expected, suffix, float(expected["multiplier"].iloc[0]))
    np.testing.assert_array_equal(np.isnan(found.value), columns[0].sum(axis=0) < 10)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("confidence", "suffix"), [(0.95, "95"), (0.998, "998")])
def test_indirect_ratio_and_rate(case: str, confidence: float, suffix: str) -> None:
    expected = _expected(case, "indirectly standardised ratio")
    groups = expected["group"].tolist()
    events, exposure, reference, reference_exposure = (
        _cells(case, name, groups) for name in ("events", "exposure", "ref_events", "ref_exposure")
    )
    wanted = expected_events(exposure, reference[:, 0], reference_exposure[:, 0])
    np.testing.assert_allclose(wanted, expected["expected"].to_numpy(dtype=np.float64), rtol=1e-9)
    found = indirect_ratio(events.sum(axis=0), wanted, confidence)
    _assert_equal(found, expected, suffix, 1.0)
    rates = _expected(case, "indirectly standardised rate")
    crude = reference[:, 0].sum() / reference_exposure[:, 0].sum() * float(rates["multiplier"].iloc[0])
    _assert_equal(found, rates, suffix, crude)


def test_the_gamma_interval_is_another_method() -> None:
    """Fay and Feuer's interval for the same rate: same value, limits within a few percent."""
    expected = _expected(CASES[0], "fay-feuer-gamma")
    dobson = _expected(CASES[0], "dobson-byar")
    np.testing.assert_allclose(expected["value"], dobson["value"], rtol=1e-9)
    assert not np.allclose(expected["lower95"], dobson["lower95"], rtol=1e-6)
    np.testing.assert_allclose(expected["lower95"], dobson["lower95"], rtol=0.05)
