"""The last look at the tables before they are written, and again at the files when a release is verified.

It knows the release contract and the smallest count that may be shown, and nothing of how counts were hidden: a mistake
upstream is caught here. It names the rule and the group, and never prints the number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.errors import BlockedError
from orchestration.quality_metrics import METRICS
from orchestration.release import guard_over_time
from orchestration.release.change_notes import CHANGES, GAP_CHANGES
from orchestration.release.columns import (
    CHANGES_NUMBERS,
    DECOMPOSITION_NUMBERS,
    GAPS_NUMBERS,
    INEQUALITY_NUMBERS,
    STRATA_NUMBERS,
    TABLES,
)
from orchestration.release.tables import Tables

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa  # type: ignore[import-untyped]

_KEY = ("measure_id", "grain", "period_starts_on", "site", "stratifier", "stratum", "stratifier_2", "stratum_2")
_SLICE = ("measure_id", "grain", "period_starts_on", "site")
STATUS_WORDS = {
    "disclosure_status": ("published", "suppressed", "not_assessed"),
    "reliability_status": ("reliable", "unreliable", "not_assessed", "not_applicable"),
    "quality_status": ("publish", "warn", "hold"),
}


def require_safe(tables: Tables, min_cell: int, *, hides_zeros: bool = False) -> None:
    """Raise BlockedError unless the tables keep the release contract and show no count from 1 to `min_cell - 1`."""
    findings = guard_findings(tables, min_cell, hides_zeros=hides_zeros)
    if findings:
        raise BlockedError(
            "nothing is published that could point to a child or that the release contract does not have",
            where="release tables",
            found="; ".join(findings[:5]) + (f"; and {len(findings) - 5} more" if len(findings) > 5 else ""),
            remedy="the previous release stays current; correct what filled these rows and run again",
        )


def guard_findings(tables: Tables, min_cell: int, *, hides_zeros: bool = False) -> list[str]:
    """What is wrong, in words without any published number; empty when nothing is. Shapes are checked first.

    `hides_zeros`: that nobody, or everybody, of a group has the outcome is not to be shown either.
    """
    import duckdb

    findings = [finding for name in TABLES for finding in _shape_findings(name, tables.get(name))]
    findings += [f"{name}: not a table of the release contract" for name in tables if name not in TABLES]
    if findings:
        return findings
    con = duckdb.connect()
    try:
        for name, table in tables.items():
            con.register(name, table)
        for table_name, rule, query in _rules(int(min_cell), hides_zeros=hides_zeros):
            findings += _broken(con, table_name, rule, query)
    finally:
        con.close()
    return findings


def _shape_findings(name: str, table: pa.Table | None) -> list[str]:
    schema = TABLES[name].schema
    if table is None:
        return [f"{name}: the table is missing"]
    extra = [column for column in table.column_names if column not in schema.names]
    if extra:
        return [f"{name}: column {column} is not in the release contract" for column in extra]
    if not table.schema.equals(schema):
        return [f"{name}: columns or types differ from the release contract"]
    return []


def _broken(con: duckdb.DuckDBPyConnection, table: str, rule: str, query: str) -> list[str]:
    """One finding per broken rule, with the number of rows and the first one's key: a group, never a child."""
    names = (*_KEY, "index_id", "field", "metric", *guard_over_time.NAMES)
    key = [name for name in names if name in TABLES[table].columns]
    shown = f"concat_ws(' / ', {', '.join(key)})"
    found = con.execute(f"select count(*), min({shown}) from ({query}) as broken").fetchone()
    rows, first = found if found is not None else (0, "")
    return [f"{table}: {rule} ({rows} rows, first {first})"] if rows else []


def _rules(min_cell: int, *, hides_zeros: bool) -> list[tuple[str, str, str]]:
    """(table, rule in words, query for the rows that break it)."""
    return [
        *_word_rules(),
        *_withheld_rules(),
        *_count_rules(min_cell),
        *(_zero_rules() if hides_zeros else ()),
        *_gap_rules(),
        *_index_rules(),
        *_change_rules(),
        *_quality_rules(min_cell),
        *_note_rules(),
        *guard_over_time.rules(),
    ]


def _note_rules() -> list[tuple[str, str, str]]:
    """Changes are of the vocabulary, and a gap's stand beside the gap that they are of."""
    words, of_gaps = (", ".join(f"'{word}'" for word in listed) for listed in (CHANGES, GAP_CHANGES))
    same = " and ".join(
        f"gaps.{name} is not distinct from change_notes.{name}" for name in _KEY if name != "stratifier_2"
    )
    return [
        (
            "change_notes",
            "change is not a word of its vocabulary",
            f"from change_notes where change is null or change not in ({words})",
        ),
        (
            "change_notes",
            "a gap that changed is not among the published gaps",
            f"from change_notes where change in ({of_gaps}) and not exists "
            f"(from gaps where {same} and gaps.disclosure_status = 'published')",
        ),
    ]


def _word_rules() -> list[tuple[str, str, str]]:
    rules = []
    for table in _NUMBERS:
        for column, words in STATUS_WORDS.items():
            allowed = ", ".join(f"'{word}'" for word in words)
            where = f"{column} is null or {column} not in ({allowed})"
            rules.append((table, f"{column} is not a word of its vocabulary", f"from {table} where {where}"))
        key = [name for name in (*_KEY, "index_id") if name in TABLES[table].columns]
        twice = f"select {', '.join(key)} from {table} group by all having count(*) > 1"
        rules.append((table, "the same group stands twice", twice))
    return [*rules, ("measures", "the same measure stands twice", _TWICE_MEASURE)]


_TWICE_MEASURE = "select measure_id from measures group by all having count(*) > 1"


_NUMBERS = {
    "strata": STRATA_NUMBERS,
    "gaps": GAPS_NUMBERS,
    "inequality": INEQUALITY_NUMBERS,
    "changes": CHANGES_NUMBERS,
    "decomposition": DECOMPOSITION_NUMBERS,
}


def _withheld_rules() -> list[tuple[str, str, str]]:
    rules = []
    for table, numbers in _NUMBERS.items():
        has_number = " or ".join(f"{name} is not null" for name in numbers)
        rules += [
            (
                table,
                "a held row is not marked as not assessed",
                f"from {table} where quality_status = 'hold' and disclosure_status <> 'not_assessed'",
            ),
            (
                table,
                "a row that is held, suppressed or not assessed has a number",
                f"from {table} where (disclosure_status <> 'published' or quality_status = 'hold') and ({has_number})",
            ),
        ]
    for table, number in (("strata", "value"), ("gaps", "difference")):
        rules.append(
            (
                table,
                "a published row has a number, or is marked as not applicable",
                f"""from {table} where disclosure_status = 'published'
                    and ({number} is null) <> (reliability_status = 'not_applicable')""",
            )
        )
    return rules


def _count_rules(min_cell: int) -> list[tuple[str, str, str]]:
    small = f"between 1 and {min_cell - 1}"
    source = """
        select strata.*, kind, counts_what, denominator_unit, multiplier
        from strata left join measures using (measure_id)
    """
    where = {
        "the measure does not say what it counts": "kind is null or counts_what is null or denominator_unit is null",
        "n_patients is too small to show": f"n_patients {small}",
        "numerator is too small to show": f"counts_what <> 'sum of tenths' and numerator {small}",
        "denominator is too small to show": f"denominator_unit = 'patients' and denominator {small}",
        "n_patients less denominator is too small to show": (
            f"denominator_unit = 'patients' and n_patients - denominator {small}"
        ),
        "denominator less numerator is too small to show": f"kind = 'proportion' and denominator - numerator {small}",
        "numerator exceeds denominator": "kind = 'proportion' and numerator > denominator",
        "an interval without a value": "value is null and coalesce(ci_low, ci_high) is not null",
        # A value says no more than its counts: it is recomputed from what is published.
        "value is not numerator / denominator * multiplier": """value is not null and coalesce(
            abs(value - numerator / nullif(denominator, 0) * multiplier) > 1e-9 * greatest(1, abs(value)), true)""",
    }
    return [("strata", rule, f"from ({source}) where {condition}") for rule, condition in where.items()]


def _zero_rules() -> list[tuple[str, str, str]]:
    counted = "from strata inner join measures using (measure_id) where denominator > 0"
    return [
        ("strata", "nobody has the outcome", f"{counted} and kind <> 'mean' and numerator = 0"),
        ("strata", "everybody has the outcome", f"{counted} and kind = 'proportion' and numerator = denominator"),
    ]


def _gap_rules() -> list[tuple[str, str, str]]:
    """A gap beside its reference's value gives the other group's value: both must be published."""
    same_slice = " and ".join(f"strata.{name} = gaps.{name}" for name in (*_SLICE, "stratifier"))
    shown = "(" + " or ".join(f"gaps.{name} is not null" for name in GAPS_NUMBERS) + ")"

    def without(match: str) -> str:
        return f"from gaps where {shown} and not exists (from strata where value is not null and {match})"

    group = (
        f"{same_slice} and strata.stratum = gaps.stratum "
        "and strata.stratifier_2 is not distinct from gaps.stratifier_2 "
        "and strata.stratum_2 is not distinct from gaps.stratum_2"
    )
    reference = (
        f"{same_slice} and strata.stratum = gaps.reference_stratum "
        "and strata.stratum_2 is not distinct from gaps.reference_stratum_2"
    )
    everyone = " and ".join(f"strata.{name} = gaps.{name}" for name in _SLICE) + " and strata.stratifier = 'overall'"
    against_everyone = f"reference_rule = 'overall' and exists (from strata where value is not null and {everyone})"
    bare = f"{without(reference)} and not ({against_everyone})"
    return [
        ("gaps", "a gap of a group that is not published", without(group)),
        ("gaps", "a gap against a reference that is not published", bare),
    ]


def _index_rules() -> list[tuple[str, str, str]]:
    """An index sums up published values: at least two of its slice, no more than it says, and between its limits."""
    same_slice = " and ".join(f"strata.{name} = inequality.{name}" for name in (*_SLICE, "stratifier"))
    shown = f"({' or '.join(f'inequality.{name} is not null' for name in INEQUALITY_NUMBERS)})"
    values = f"""(select count(*) from strata
        where value is not null and not is_missing_category and {same_slice})"""
    rules = {
        "an index over fewer than two published groups": f"{values} < 2",
        "an index over more groups than are published": f"n_groups_published > {values}",
    }
    # With room for rounding; a limit that does not exist is null and breaks nothing.
    room = "1e-9 * greatest(1, abs(index_value))"
    rules["an index outside its limits"] = f"""(index_low > index_value + {room} or index_value > index_high + {room}
        or index_low > index_high or (index_value is null and coalesce(index_low, index_high) is not null))"""
    return [("inequality", rule, f"from inequality where {shown} and {broken}") for rule, broken in rules.items()]


def _change_rules() -> list[tuple[str, str, str]]:
    """A change needs its gap in both years, a decomposition every cell of both groups; parts add up."""

    def shown(table: str, numbers: tuple[str, ...]) -> str:
        return "(" + " or ".join(f"{table}.{name} is not null" for name in numbers) + ")"

    same_gap = " and ".join(
        f"gaps.{name} is not distinct from changes.{name}"
        for name in (*_KEY, "reference_stratum", "reference_stratum_2")
        if name != "period_starts_on"
    )
    rules = [
        (
            "changes",
            f"a change of a gap that is not published in the {words} year",
            f"""from changes where {shown("changes", CHANGES_NUMBERS)} and not exists (from gaps
                where difference is not null and gaps.period_starts_on = changes.{day} and {same_gap})""",
        )
        for words, day in (("later", "period_starts_on"), ("baseline", "baseline_starts_on"))
    ]
    same_panel = " and ".join(f"strata.{name} = decomposition.{name}" for name in _SLICE)
    hidden_cell = f"""exists (from strata where value is null and not is_missing_category
        and strata.stratum_2 is not null and strata.stratifier_2 = decomposition.stratifier_2
        and strata.stratum in (decomposition.stratum, decomposition.reference_stratum) and {same_panel})"""
    rules.append(
        (
            "decomposition",
            "a decomposition with a cell that is not published",
            f"from decomposition where {shown('decomposition', DECOMPOSITION_NUMBERS)} and {hidden_cell}",
        )
    )
    for table, whole, parts in (
        ("changes", "difference_change", "group_part + reference_part"),
        ("decomposition", "difference", "composition_part + within_part"),
    ):
        off = f"abs({whole} - ({parts})) > 1e-9 * greatest(1, abs({whole}))"
        rules.append((table, "parts do not add up to the whole", f"from {table} where {off}"))
    return rules


def _quality_rules(min_cell: int) -> list[tuple[str, str, str]]:
    shares = [metric for metric in METRICS.values() if metric.kind == "share"]
    # A share was rounded: it is too small when every count of children that rounds to it is.
    counted = " or ".join(
        f"(metric = '{metric.name}' and {share} > 0 "
        f"and ({share} + {0.5 * 10**-metric.decimals}) * n < {min_cell - 0.5})"
        for metric in shares
        for share in ("value", "(1 - value)")
    )
    return [
        (
            "quality",
            "a row that is not published has a number",
            "from quality where disclosure_status is distinct from 'published' and coalesce(value, n) is not null",
        ),
        ("quality", "n is too small to show", f"from quality where n between 1 and {min_cell - 1}"),
        ("quality", "the share is one of too few children to show", f"from quality where {counted}"),
    ]
