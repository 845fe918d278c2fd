"""The guard's rules about charts and aims: every value in them stands in, or follows from, strata and gaps."""

from __future__ import annotations

from orchestration.release.columns_over_time import TABLES

_SERIES = ("measure_id", "grain", "site", "stratifier", "stratum")
# What a finding names a row by, beside the keys of strata.
NAMES = ("subject", "aim_id", "change_test_id", "driver_id")
_STATUSES = ("met", "on track", "at risk", "off track", "too early", "not assessed")
_CHARTS = ("p", "p prime", "u", "u prime", "X-bar", "S", "XmR", "run", "gap", "gap prime")
_KEYS = {
    "chart_series": (*_SERIES, "subject", "reference_stratum"),
    "charts": (*_SERIES, "subject", "reference_stratum", "period_starts_on"),
    "aims": ("aim_id",),
    "aim_targets": ("aim_id", "stratum"),
    "change_tests": ("change_test_id",),
    "drivers": ("driver_id",),
}
_SAME = "<= 1e-9 * greatest(1, abs({value}))"


def rules() -> list[tuple[str, str, str]]:
    """(table, rule in words, query for the rows that break it)."""
    return [*_key_rules(), *_word_rules(), *_chart_rules(), *_aim_rules(), *_link_rules()]


def _key_rules() -> list[tuple[str, str, str]]:
    return [
        (name, "the same row stands twice", f"select {', '.join(_shown(name))} from {name} group by "
         f"{', '.join(_KEYS[name])} having count(*) > 1")
        for name, _, _ in TABLES
    ]  # fmt: skip


def _shown(name: str) -> list[str]:
    columns = next(columns for table, _, columns in TABLES if table == name)
    return [f"any_value({column}) as {column}" for column in columns]


def _word_rules() -> list[tuple[str, str, str]]:
    found = []
    for table, column, words in (
        ("aims", "status", _STATUSES),
        ("charts", "chart", _CHARTS),
        ("chart_series", "chart", _CHARTS),
        ("charts", "disclosure_status", ("published", "suppressed", "not_assessed")),
    ):
        listed = ", ".join(f"'{word}'" for word in words)
        where = f"{column} is null or {column} not in ({listed})"
        found.append((table, f"{column} is not a word of its vocabulary", f"from {table} where {where}"))
    return found


def _beside(table: str, other: str, keys: tuple[str, ...], where: str) -> str:
    """Rows of `table` with no row of `other` of the same keys that fulfils `where`."""
    same = " and ".join(f"{other}.{name} = {table}.{name}" for name in keys)
    single = f"{other}.stratum_2 is null and {other}.disclosure_status = 'published'"
    return f"not exists (from {other} where {same} and {single} and {where})"


def _chart_rules() -> list[tuple[str, str, str]]:
    keys = (*_SERIES, "period_starts_on")
    same = "abs({0} - charts.value) " + _SAME.format(value="charts.value")
    of_group = _beside("charts", "strata", keys, same.format("strata.value"))
    of_gap = _beside("charts", "gaps", (*keys, "reference_stratum"), same.format("gaps.difference"))
    of_spread = _beside("charts", "strata", keys, "strata.ci_low is not null and strata.ci_high is not null")
    shown = "charts.value is not null"
    return [
        (
            "charts",
            "a point that is suppressed, held or not assessed has a value",
            "from charts where value is not null and (disclosure_status <> 'published' or quality_status = 'hold')",
        ),
        ("charts", "a point is not the group's published value",
         f"from charts where subject = 'stratum' and {shown} and {of_group}"),
        ("charts", "a point is not the published gap", f"from charts where subject = 'gap' and {shown} and {of_gap}"),
        ("charts", "a spread of values that are not published",
         f"from charts where subject = 'spread' and {shown} and {of_spread}"),
        ("charts", "a signal without a point", "from charts where signal is not null and value is null"),
        ("charts", "points of an unknown subject", "from charts where subject not in ('stratum', 'gap', 'spread')"),
        (
            "charts",
            "a chart is drawn that its series does not have",
            f"""from charts where not exists (from chart_series as one where one.chart_status = 'drawn'
            and one.chart = charts.chart and one.subject = charts.subject
            and one.reference_stratum is not distinct from charts.reference_stratum
            and {" and ".join(f"one.{name} = charts.{name}" for name in _SERIES)})""",
        ),
    ]  # fmt: skip


def _aim_rules() -> list[tuple[str, str, str]]:
    keys = ("measure_id", "grain", "site", "stratifier", "stratum")
    found = []
    for table, other, value in (("aims", "gaps", "difference"), ("aim_targets", "strata", "value")):
        for column, period in (
            ("latest_value", f"{other}.period_starts_on = {table}.latest_starts_on"),
            ("baseline_in_release", "true"),
        ):
            close = f"abs({other}.{value} - {table}.{column}) " + _SAME.format(value=f"{table}.{column}")
            own = keys if column == "latest_value" else tuple(name for name in keys if name != "grain")
            missing = _beside(table, other, own, f"{period} and {close}")
            found.append(
                (table, f"{column} is not a published number", f"from {table} where {column} is not null and {missing}")
            )
    process = """from aims where process_value is not null and not exists (from strata
        where strata.measure_id = aims.process_measure_id and strata.site = aims.site and strata.stratum_2 is null
        and strata.stratifier = aims.stratifier and strata.stratum = aims.stratum and strata.grain = aims.grain
        and abs(strata.value - aims.process_value) <= 1e-9 * greatest(1, abs(aims.process_value)))"""
    found += [
        ("aims", "process_value is not a published number", process),
        (
            "aims",
            "an aim is judged without its latest value",
            "from aims where status <> 'not assessed' and latest_value is null",
        ),
        (
            "aims",
            "called improved while the balancing measure signals worse",
            """from aims where balancing_status like 'worse%'
            and (outcome like 'improved%' or status in ('met', 'on track'))""",
        ),
    ]
    return found  # fmt: skip


def _link_rules() -> list[tuple[str, str, str]]:
    return [
        (table, f"{column} is not in {other}",
         f"from {table} where {column} is not null and {column} not in (select {column} from {other})")
        for table, column, other in (
            ("aim_targets", "aim_id", "aims"),
            ("change_tests", "aim_id", "aims"),
            ("change_tests", "driver_id", "drivers"),
            ("drivers", "aim_id", "aims"),
        )
    ]  # fmt: skip
