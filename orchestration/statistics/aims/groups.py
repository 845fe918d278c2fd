"""Which groups the aims are about: they are the last to be hidden for the sake of others."""

from __future__ import annotations

import pandas as pd

from orchestration.statistics.aims.validation import group_targets

_MEASURES = ("measure_id", "process_measure_id", "balancing_measure_id")


def followed_groups(aims: pd.DataFrame) -> pd.DataFrame:
    """measure_id, stratifier and stratum of every group that an aim names, for each of its measures; one row each.

    `aims`: the register. Raises SettingsError for group targets that cannot be read.
    """
    rows = [
        (aim[measure], aim["stratifier"], group)
        for aim in aims.to_dict("records")
        for group in (aim["stratum"], *group_targets(str(aim["group_targets"]), f"aims: {aim['aim_id']}"))
        for measure in _MEASURES
        if aim[measure]
    ]
    return pd.DataFrame(rows, columns=["measure_id", "stratifier", "stratum"]).drop_duplicates(ignore_index=True)
