"""Which groups the aims name."""

from __future__ import annotations

import pandas as pd

from orchestration.statistics.aims.groups import followed_groups

AIM = {
    "aim_id": "a", "measure_id": "m", "process_measure_id": "p", "balancing_measure_id": "", "stratifier": "sex",
    "stratum": "F", "group_targets": "F=1 M=2",
}  # fmt: skip


def test_the_group_its_reference_and_the_measures_beside() -> None:
    found = followed_groups(pd.DataFrame([AIM]))
    assert set(found.itertuples(index=False, name=None)) == {
        (measure, "sex", group) for measure in ("m", "p") for group in ("F", "M")
    }


def test_without_aims_nobody_is_followed() -> None:
    assert list(followed_groups(pd.DataFrame([AIM]).iloc[:0]).columns) == ["measure_id", "stratifier", "stratum"]
