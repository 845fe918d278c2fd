"""Small release tables for tests of the report: one measure, a few groups, and only what a test cares about said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from orchestration.release.columns import TABLES
from orchestration.release.report import render

YEAR = {
    "grain": "year",
    "period_starts_on": date(2025, 7, 1),
    "period_ends_on": date(2026, 6, 30),
    "period_label": "Jul 2025 to Jun 2026",
    "is_complete_period": True,
}
FIRST_YEAR = {
    "grain": "year",
    "period_starts_on": date(2023, 7, 1),
    "period_ends_on": date(2024, 6, 30),
    "period_label": "Jul 2023 to Jun 2024",
    "is_complete_period": True,
}
QUARTER = {
    "grain": "quarter",
    "period_starts_on": date(2026, 4, 1),
    "period_ends_on": date(2026, 6, 30),
    "period_label": "Apr 2026 to Jun 2026",
    "is_complete_period": True,
}
_RACE = {"stratifier": "race_omb2024_multi", "stratifier_label": "Race and ethnicity, multiracial combined"}
_SLICE = {"measure_id": "hba1c_above_9", "measure_title": "HbA1c above 9 %", "site": "all", "site_label": "All sites"}
_STATUS = {"disclosure_status": "published", "reliability_status": "reliable", "quality_status": "publish"}
_CHART = {"subject": "gap", "grain": "month", "site": "all", "chart": "gap", "reference_stratum": "white"}
_OF = {"measure_id": "hba1c_above_9", "stratifier": "race_omb2024_multi"}
_NO_VALUE = dict.fromkeys(("n_patients", "numerator", "denominator", "value", "ci_low", "ci_high"))
SUPPRESSED = {**_NO_VALUE, "disclosure_status": "suppressed", "reliability_status": "not_assessed"}
HELD = {
    **_NO_VALUE,
    "disclosure_status": "not_assessed",
    "reliability_status": "not_assessed",
    "quality_status": "hold",
    "quality_reasons": "Race and ethnicity are recorded for 71 % of children; at least 80 % is needed",
}


def measure(**given: Any) -> dict[str, Any]:
    """A measure of which lower is better."""
    return {
        "measure_id": "hba1c_above_9",
        "title": "HbA1c above 9 %",
        "description": "Children whom care is not yet helping enough.",
        "kind": "proportion",
        "family": "outcome",
        "direction": "lower_is_better",
        "unit": "% of children tested",
        "multiplier": 100.0,
        "sort_order": 1,
        **given,
    }


def stratum(label: str, **given: Any) -> dict[str, Any]:
    """A published group of the latest year by race and ethnicity."""
    numbers = {"n_patients": 200, "numerator": 60, "denominator": 200, "value": 30.0, "ci_low": 24.1, "ci_high": 36.7}
    names = {"stratum": label.lower(), "stratum_label": label, "is_missing_category": False}
    return {**_SLICE, **YEAR, **_RACE, **_STATUS, **names, **numbers, "unit": "% of children tested", **given}


def gap(label: str, **given: Any) -> dict[str, Any]:
    """A clear gap beside White."""
    numbers = {"difference": 12.4, "difference_low": 5.2, "difference_high": 19.3}
    ratios = {"ratio": 1.72, "ratio_low": 1.31, "ratio_high": 2.24, "is_meaningful": True}
    names = {"stratum": label.lower(), "stratum_label": label, "is_missing_category": False}
    reference = {"reference_rule": "best", "reference_stratum": "white", "reference_label": "White"}
    unit = {"unit": "% of children tested"}
    return {**_SLICE, **YEAR, **_RACE, **_STATUS, **names, **reference, **numbers, **ratios, **unit, **given}


def change(label: str, **given: Any) -> dict[str, Any]:
    """How the gap of that group changed since the first year: 14.1 then, 12.4 now, which may be chance."""
    numbers = {"difference_before": 14.1, "difference": 12.4, "difference_change": -1.7}
    verdict = {"change_verdict": "unclear", "levelling_down": "no"}
    names = {"stratum": label.lower(), "stratum_label": label, "is_missing_category": False}
    since = {"baseline_starts_on": FIRST_YEAR["period_starts_on"]}
    return {**_SLICE, **YEAR, **_RACE, **_STATUS, **names, **numbers, **verdict, **since, **given}


def held(site: str, **given: Any) -> dict[str, Any]:
    """A held slice of the latest year by race and ethnicity."""
    reasons = HELD["quality_reasons"]
    return {**_SLICE, **YEAR, **_RACE, "verdict": "hold", "reasons": reasons, "site": site, "site_label": site, **given}


def recorded(site: str, month: int) -> dict[str, Any]:
    """A quarter, in that month of 2025, of how completely a site has race and ethnicity; caution in some of them."""
    period = {"grain": "quarter", "period_starts_on": date(2025, month, 1), "period_label": f"Quarter {month}"}
    names = {"field": "race_ethnicity", "metric": "completeness", "site": site, "site_label": site}
    hidden = month % 3 == 0
    judged = {"verdict": "warn", "disclosure_status": "suppressed" if hidden else "published"}
    return {**period, **names, **judged, "value": None if hidden else 0.85, "n": 200}


def series(group: str, **given: Any) -> dict[str, Any]:
    """A drawn chart of the gap of that group (its code) beside White by month, within chance."""
    drawn = {"chart_status": "drawn", "rule_set": "limits only", "variation": "common cause"}
    days = {"baseline_starts_on": date(2024, 1, 1), "baseline_ends_on": date(2024, 12, 31)}
    return {**_CHART, **_OF, **drawn, **days, "stratum": group, **given}


def points(group: str, *values: float | None, **given: Any) -> list[dict[str, Any]]:
    """The points of that chart from January 2025 on; None is suppressed."""
    return [
        {
            **{**_CHART, **_OF, "stratum": group, "period_starts_on": date(2025, at + 1, 1), "value": value},
            **{"period_ends_on": date(2025, at + 1, 28), "period_label": f"Month {at + 1}", "centre": 12.0},
            **{"limit_low": 7.5, "limit_high": 16.5, "quality_status": "publish"},
            **{"disclosure_status": "suppressed" if value is None else "published", **given},
        }
        for at, value in enumerate(values)
    ]


def tables(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    """The five release tables with the given rows; a column that a row does not give is NULL."""
    return {
        name: pa.Table.from_pylist(
            [{**dict.fromkeys(table.columns), "release_id": "r1", **row} for row in rows.get(name, [])],
            schema=table.schema,
        )
        for name, table in TABLES.items()
    }


def page(title: str = "Demo", demo: bool = False, **rows: list[dict[str, Any]]) -> str:
    """The report of those rows."""
    return render(
        tables(**{"measures": [measure()], **rows}),
        title=title,
        as_of=date(2026, 6, 30),
        window=(date(2023, 7, 1), date(2026, 6, 30)),
        release_id="r1",
        created_at=datetime(2026, 7, 1, 9, 30, tzinfo=UTC),
        demo=demo,
    )
