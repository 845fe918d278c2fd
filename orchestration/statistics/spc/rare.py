"""Charts between rare events for the care team: how many member-months passed from one event to the next.

Where events are few, their monthly counts are suppressed in a release, as they must be: even the month of a single
event can point to a child. The care team, which knows its children, needs them all the same. These rows therefore come
from the unprotected monthly counts and go into the marts, which stay in the house; nothing of them is ever published.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.statistics.counts import require_columns
from orchestration.statistics.intervals import FloatArray
from orchestration.statistics.spc.limits import between_times, median
from orchestration.statistics.spc.runs import anhoej

# A month has fewer events than this on average. With more, months say too little of when each event was, and a u chart
# serves better.
RARE_BELOW_PER_MONTH = 1.0
EVENTS_NEEDED = 8
# The limits come from this many intervals between events, from the first one on, and are frozen then.
BASELINE_EVENTS = 20

SERIES = ("measure_id", "site", "stratifier", "stratum")
COLUMNS = (
    *(*SERIES, "event_number", "period_starts_on", "member_months_between", "is_open", "centre", "limit_low"),
    *("limit_high", "is_baseline", "signal", "runs_signal", "chart", "rule_set"),
)
CHART, RULE_SET = "t", "limits; Anhøj"


def rare_events(months: pd.DataFrame) -> pd.DataFrame:
    """One row per event after the first, of every series with few of them (COLUMNS); a t chart (Nelson 1994).

    The time since the last event is a row too, `is_open`, with the number of the event that has not come: it may only
    be longer than the limits allow, and neither limits nor runs know of it.

    `months`: SERIES, period_starts_on, numerator (events) and denominator (member-months) of rate measures, one row per
    series and month, unprotected. Within a month, of which only the count is known, events are spread evenly. `signal`:
    `longer` or `shorter` beyond the limits; `runs_signal`: Anhøj, about the median.
    """
    require_columns(months, (*SERIES, "period_starts_on", "numerator", "denominator"), "months")
    ordered = months.sort_values([*SERIES, "period_starts_on"], kind="stable").reset_index(drop=True)
    series = ordered.groupby(list(SERIES), sort=False, dropna=False)
    total, spans = series["numerator"].transform("sum"), series["numerator"].transform("size")
    is_rare = (total >= EVENTS_NEEDED + 1) & (total < RARE_BELOW_PER_MONTH * spans)
    kept = ordered[is_rare.to_numpy(dtype=bool)].reset_index(drop=True)
    if kept.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    code = kept.groupby(list(SERIES), sort=False, dropna=False).ngroup().to_numpy()
    events = kept["numerator"].to_numpy(dtype=np.int64)
    exposure = kept["denominator"].to_numpy(dtype=np.float64)
    before = kept.groupby(code)["denominator"].cumsum().to_numpy(dtype=np.float64) - exposure
    row = np.repeat(np.arange(len(kept)), events)
    within = np.arange(len(row)) - np.repeat(np.cumsum(events) - events, events)
    at = before[row] + exposure[row] * (within + 0.5) / events[row]
    own = code[row]
    follows = np.append(False, own[1:] == own[:-1])
    between = (at - np.append(np.nan, at[:-1]))[follows]
    event, own = row[follows], own[follows]
    number = np.arange(len(own)) - np.searchsorted(own, own)
    wide: FloatArray = np.full((int(own.max()) + 1, int(number.max()) + 1), np.nan)
    wide[own, number] = between
    baseline = ~np.isnan(wide) & (np.arange(wide.shape[1]) < BASELINE_EVENTS)
    limits = between_times(wide, baseline)
    middle = np.repeat(median(wide, baseline)[:, None], wide.shape[1], axis=1)
    signals = anhoej(wide, middle).signals
    # The open intervals come last: one per series, at its last month, since its last event.
    series_end = np.flatnonzero(np.append(code[1:] != code[:-1], True))
    since = (before + exposure)[series_end] - at[np.append(np.flatnonzero(~follows)[1:] - 1, len(at) - 1)]
    size = len(own)
    event, own = np.append(event, series_end), np.append(own, code[series_end])
    number, between = np.append(number, np.bincount(own[:size])), np.append(between, since)
    is_open = np.arange(len(own)) >= size
    within_baseline = np.append(baseline[own[:size], number[:size]], np.zeros(len(since), dtype=bool))
    # Limits are the same at every event of a series.
    low, high = limits.low[own, 0], limits.high[own, 0]
    charts: pd.DataFrame = kept.iloc[event][[*SERIES, "period_starts_on"]].assign(
        event_number=number + 2,
        member_months_between=between,
        is_open=is_open,
        centre=limits.centre[own, 0],
        limit_low=low,
        limit_high=high,
        is_baseline=within_baseline,
        signal=np.select([between > high, (between < low) & ~is_open], ["longer", "shorter"], "").astype(object),
        runs_signal=signals[own],
        chart=CHART,
        rule_set=RULE_SET,
    )
    order = np.lexsort((number, own))
    return charts.iloc[order].reset_index(drop=True)[list(COLUMNS)]
