"""Applies the gate's verdicts to strata: what is held loses its numbers and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.errors import StatisticsError
from orchestration.statistics.counts import COUNTS, SLICE, SUMS, require_columns
from orchestration.statistics.reliability import NOT_ASSESSED

VERDICTS = ("publish", "warn", "hold")


def apply_verdicts(strata: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """`strata` with `quality_status` from publish.gate_verdict, by measure, stratifier, site, grain and period.

    Held rows get NULL counts and sums and `disclosure_status` not_assessed: held is not suppressed, and whether their
    counts are small must not show either. Comes after disclosure control. Raises StatisticsError for a slice without a
    verdict or with two, and for an unknown verdict.
    """
    require_columns(strata, (*SLICE, *COUNTS, "disclosure_status"), "strata")
    require_columns(verdicts, (*SLICE, "verdict"), "gate verdicts")
    unknown = sorted(set(map(str, verdicts["verdict"].unique())) - set(VERDICTS))
    if unknown:
        raise StatisticsError(
            "a verdict is publish, warn or hold",
            where="gate verdicts",
            found=", ".join(unknown),
            remedy="run the gate again",
        )
    known = _slices(verdicts)
    if not known.is_unique:
        raise StatisticsError(
            "a slice has one verdict",
            where="gate verdicts",
            found=f"{int(known.duplicated().sum())} slices with two",
            remedy="run the gate again",
        )
    wanted = _slices(strata)
    positions = known.get_indexer(wanted)
    if (positions < 0).any():
        raise StatisticsError(
            "each slice has a verdict of the gate",
            where="strata",
            found=f"{wanted[positions < 0].nunique()} slices without, the first: "
            + " / ".join(str(part) for part in wanted[positions < 0][0]),
            remedy="run the gate on exactly these data",
        )
    status = verdicts["verdict"].to_numpy(dtype=object)[positions] if len(strata) else np.array([], dtype=object)
    held = status == "hold"
    counted = [column for column in (*COUNTS, *SUMS) if column in strata.columns]
    withheld = {column: strata[column].astype("Int64").mask(held) for column in counted}
    disclosure = np.where(held, NOT_ASSESSED, strata["disclosure_status"].to_numpy(dtype=object))
    return strata.assign(**withheld, disclosure_status=disclosure, quality_status=status)


def _slices(frame: pd.DataFrame) -> pd.MultiIndex:
    keys = frame[list(SLICE)].assign(period_starts_on=pd.to_datetime(frame["period_starts_on"]).astype("datetime64[s]"))
    return pd.MultiIndex.from_frame(keys)
