"""Whether a balancing measure signals worse in any group: an outcome is not called improved while one does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.statistics.aims.validation import OVERALL
from orchestration.statistics.counts import DIRECTIONS
from orchestration.statistics.differences import mover_difference
from orchestration.statistics.intervals import Interval


@dataclass(frozen=True)
class Balance:
    """Groups in which the measure signals worse, and how many of all could be judged."""

    worse: tuple[str, ...]
    judged: int
    groups: int

    @property
    def words(self) -> str:
        """The verdict in words."""
        if self.worse:
            return "worse in " + ", ".join(self.worse)
        if not self.judged:
            return "cannot be judged: too few events can be shown"
        rest = "" if self.judged == self.groups else "; the others cannot be judged"
        return f"no sign of harm in {self.judged} of {self.groups} groups{rest}"


def balance(
    measure_id: str,
    stratifier: str,
    site: str,
    *,
    strata: pd.DataFrame,
    series: pd.DataFrame,
    measures: pd.DataFrame,
    reasons: set[str],
    labels: dict[tuple[str, str], str],
) -> Balance:
    """Look at everyone and at every group of the stratifier at one site, without `reasons`, the missing reasons.

    `labels` names groups by stratifier and stratum.

    A group signals worse when its control chart says so at its last point, or when its latest whole year is worse than
    its first one by more than chance: the interval of the difference (MOVER of the published intervals) lies wholly on
    the worse side. `strata` is publish.strata with complete periods only, `series` chart_series.
    """
    direction = measures.loc[measures["measure_id"] == measure_id, "direction"].iloc[0]
    sign = DIRECTIONS[str(direction)]
    mine = strata["measure_id"].eq(measure_id) & strata["site"].eq(site) & strata["grain"].eq("year")
    mine &= strata["stratifier"].isin([stratifier, OVERALL]) & ~strata["stratum"].isin(reasons)
    years = strata[mine].sort_values("period_starts_on")
    columns = ["value", "ci_low", "ci_high"]
    names = years["stratum"].drop_duplicates()
    if years.empty:
        return Balance((), 0, 0)
    starts = years["period_starts_on"]
    ends = [years[starts == starts.iloc[at]].set_index("stratum")[columns].reindex(names) for at in (0, -1)]
    first, last = (end.to_numpy(dtype="float64") for end in ends)
    is_later = starts.iloc[0] < starts.iloc[-1]
    change = mover_difference(
        last[:, 0], Interval(last[:, 1], last[:, 2]), first[:, 0], Interval(first[:, 1], first[:, 2])
    )
    judged = ~np.isnan(change.low) & ~np.isnan(change.high) & is_later
    with np.errstate(invalid="ignore"):
        worse = judged & (np.where(sign > 0, change.low, -change.high) > 0)
    charted = series["measure_id"].eq(measure_id) & series["site"].eq(site) & series["subject"].eq("stratum")
    charted &= series["stratifier"].isin([stratifier, OVERALL]) & series["chart_status"].eq("drawn")
    verdicts = series[charted]
    concern = set(verdicts.loc[verdicts["variation"] == "special cause, concern", "stratum"])
    known = set(verdicts.loc[verdicts["variation"] != "", "stratum"])
    found = names.to_numpy(dtype=object)
    worse |= np.isin(found, list(concern))
    judged |= np.isin(found, list(known))
    said = [labels.get((stratifier, name), labels.get((OVERALL, name), name)) for name in found[worse]]
    return Balance(tuple(said), int(judged.sum()), len(found))
