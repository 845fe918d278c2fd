"""The same on the packages' own sample data, which are not kept here: EQUITY_REALDATA names the folder with them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support import spc_cases
from tests.support.spc_cases import Case

FOLDER = Path(os.environ.get("EQUITY_REALDATA", "/nowhere")) / "statistics"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="EQUITY_REALDATA does not name the folder of real data")
QIC = sorted(FOLDER.glob("spc_qic/*"))
NHS = sorted(FOLDER.glob("spc_nhs/*"))


def read(folder: Path) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    return meta, pd.read_csv(folder / "input.csv"), pd.read_csv(folder / "expected.csv")


def listed(value: int | list[int] | None) -> tuple[int, ...]:
    return () if value is None else (value,) if isinstance(value, int) else tuple(value)


@pytest.mark.parametrize("folder", QIC, ids=lambda folder: folder.name)
@pytest.mark.parametrize("screened", [True, False])
def test_limits_and_runs(folder: Path, screened: bool) -> None:
    meta, given, expected = read(folder)
    if expected["screenedmr"].notna().any():
        expected = expected[expected["screenedmr"].eq(screened)].reset_index(drop=True)
    groups = given.groupby("month", sort=False)
    row = {name: values.to_numpy(dtype="float64")[None, :] for name, values in (
        ("y", groups["y"].sum()), ("size", groups["y"].size()), ("deviation", groups["y"].std()),
        ("n", groups["n"].sum() if "n" in given else groups["y"].size()),
    )}  # fmt: skip
    case = Case(
        chart=meta["chart"],
        multiply=meta.get("multiply", 1),
        freeze=meta.get("freeze"),
        parts=listed(meta.get("part")),
        exclude=listed(meta.get("exclude")),
        screen=screened,
        **row,
    )
    value, limits, runs, _ = spc_cases.drawn(case)
    pairs = [(value, "y"), (limits.centre, "cl")]
    if meta["chart"] != "run":
        pairs += [(limits.low, "lcl"), (limits.high, "ucl")]
    for found, column in pairs:
        np.testing.assert_allclose(found[0], expected[column].to_numpy(), rtol=1e-9, atol=1e-11)
    last = expected.iloc[-1]
    assert int(runs[-1].longest[0]) == last["longest.run"]
    assert int(runs[-1].crossings[0]) == last["n.crossings"]
    assert bool(runs[-1].signals[0]) == last["runs.signal"]


@pytest.mark.parametrize("folder", NHS, ids=lambda folder: folder.name)
def test_making_data_count(folder: Path) -> None:
    meta, given, expected = read(folder)
    later = given["month"] >= meta["rebase"] if meta.get("rebase") else pd.Series(False, index=given.index)
    summary = pd.read_csv(folder / "expected_summary.csv")
    for position, part in enumerate((~later, later) if later.any() else (~later,)):
        points = expected[part.to_numpy()]
        limits, signals, variation, assurance = spc_cases.making_data_count(
            points["y"].to_numpy()[None, :], screen=True, fix_after=None,
            direction=meta["improvement_direction"], target=float(meta["target"]),
        )  # fmt: skip
        np.testing.assert_allclose(limits.low[0], points["lpl"].to_numpy(), rtol=1e-9)
        np.testing.assert_allclose(limits.high[0], points["upl"].to_numpy(), rtol=1e-9)
        rule, direction = spc_cases.rule_and_direction(points["special_cause_type"].tolist())
        assert (signals.rule[0].tolist(), signals.direction[0].tolist()) == (rule.tolist(), direction.tolist())
        told = summary.iloc[position]
        assert variation == spc_cases.VARIATION[told["variation_type"]]
        if isinstance(told["assurance_type"], str):
            assert assurance == spc_cases.ASSURANCE[told["assurance_type"]]
