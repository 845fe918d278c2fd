"""Queries that fill the tables about time from schema `publish`: labels beside codes, one fixed order of rows."""

from __future__ import annotations

# The reference rule `overall` compares with everyone, who are described under a stratifier of their own.
REFERENCE_JOIN = """
    left join main.dim_stratum as reference
        on reference.stratum = s.reference_stratum
        and reference.stratifier = case when s.reference_stratum = 'all' then 'overall' else s.stratifier end
"""
_JOINS = """
    left join main.dim_measure as measure on measure.measure_id = s.measure_id
    left join main.dim_site as site on site.site = s.site
    left join main.dim_stratifier as stratifier on stratifier.stratifier = s.stratifier
    left join main.dim_stratum as stratum on stratum.stratifier = s.stratifier and stratum.stratum = s.stratum
"""
_LABELS = """measure.title as measure_title, measure.unit, site.site_label, stratifier.label as stratifier_label,
    stratum.label as stratum_label"""
_REFERENCE_LABEL = "reference.label as reference_label"
_SERIES_ORDER = """measure.sort_order, s.measure_id, s.subject desc, s.grain, site.sort_order, s.site,
    stratifier.sort_order, s.stratifier, stratum.sort_order, s.stratum, s.reference_stratum"""


def _finite(*names: str) -> str:
    return ", ".join(f"case when isfinite(s.{name}) then s.{name} end as {name}" for name in names)


_VALUES = ("latest_value", "latest_low", "latest_high", "projected_value", "projected_low", "projected_high")

QUERIES: dict[str, str] = {
    "chart_series": f"""
        select s.* exclude (dispersion, target), {_finite("dispersion", "target")}, {_LABELS}, {_REFERENCE_LABEL}
        from publish.chart_series as s {_JOINS} {REFERENCE_JOIN}
        order by {_SERIES_ORDER}
    """,
    "charts": f"""
        select s.* exclude (value, centre, limit_low, limit_high),
            {_finite("value", "centre", "limit_low", "limit_high")}, {_LABELS}, {_REFERENCE_LABEL}, period.period_label
        from publish.charts as s {_JOINS} {REFERENCE_JOIN}
        left join main.dim_period as period
            on period.grain = s.grain and period.period_starts_on = s.period_starts_on
        order by {_SERIES_ORDER}, s.period_starts_on
    """,
    "aims": f"""
        select s.* exclude (title, baseline_value, baseline_in_release, target, progress_pct, process_value,
            {", ".join(_VALUES)}), s.title as aim_title, {_LABELS}, {_REFERENCE_LABEL},
            {_finite("baseline_value", "baseline_in_release", "target", "progress_pct", "process_value", *_VALUES)}
        from publish.aims as s {_JOINS} {REFERENCE_JOIN}
        order by s.aim_id
    """,
    "aim_targets": f"""
        select s.* exclude (target, baseline_in_release, {", ".join(_VALUES)}), {_LABELS},
            {_finite("target", "baseline_in_release", *_VALUES)}
        from publish.aim_targets as s {_JOINS}
        order by s.aim_id, stratum.sort_order, s.stratum
    """,
    "change_tests": "select * from publish.change_tests order by aim_id, starts_on, change_test_id",
    "drivers": """
        select s.* exclude (kind), s.kind as driver_kind, measure.title as measure_title
        from publish.drivers as s left join main.dim_measure as measure on measure.measure_id = s.measure_id
        order by s.aim_id, s.depth, s.driver_id
    """,
}
