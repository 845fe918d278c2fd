"""The report's opening for anybody: what is looked at, where gaps are, whether they close, what is not shown.

It says in sentences what the release's tables say in figures, and nothing that they do not have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release import report_data, report_sections
from orchestration.release import report_words as words
from orchestration.release.report_data import Row

MOST_SENTENCES = 5
CLOSING, NOT_CLOSING, EARLY, NOT_COMPARED = "closing", "not closing", "too early to say", "cannot be compared"
_KEY = ("measure_id", "stratifier", "stratum", "stratifier_2", "stratum_2")
_VERDICTS = {"narrowed": CLOSING, "widened": NOT_CLOSING, "turned around": NOT_CLOSING, "unclear": EARLY}
_SORTS = {"Outcome": "What care achieves", "Care received": "Whether care reaches the child"}
_LEVELLING = {
    "yes": "but because care of the other group got worse, which helps nobody",
    "possible": "though perhaps because the numbers of the other group got worse",
}


def opening(
    tables: dict[str, pa.Table], every: Sequence[Row], year: Row | None, year_rows: Sequence[Row], gaps: Sequence[Row]
) -> Row:
    """What the template says, part by part; nothing in it that the tables do not have."""
    known = {row["measure_id"]: report_sections.described(row) for row in every}
    clear = report_data.clear(gaps, every)
    changes = {_key(row): row for row in report_data.of_year(tables["changes"], year)}
    values = {(row["measure_id"], row["stratifier"], row["stratum"]): row for row in year_rows}
    labels = report_data.year_labels(tables["strata"])
    found = [
        _gap(gap, known[gap["measure_id"]], changes.get(_key(gap)), values, labels, bool(changes))
        for gap in _few(clear)
    ]
    with_gap = {gap["stratifier"] for gap in clear}
    groupings = {row["stratifier"]: words.inside(row["stratifier_label"] or row["stratifier"]) for row in year_rows}
    baselines = [labels[day] for day in sorted({row["baseline_starts_on"] for row in changes.values()} & set(labels))]
    judged = Counter(_judged(changes.get(_key(gap)), bool(changes)) for gap in clear)
    return {
        "looked_at": _looked_at(list(known.values())),
        "groupings": [groupings[name] for name in report_data.STRATIFIERS if name in groupings],
        "gaps": found,
        "n_clear": len(clear),
        "without_gap": [
            groupings[name] for name in report_data.STRATIFIERS if name in groupings and name not in with_gap
        ],
        "closing": {answer: judged[answer] for answer in (CLOSING, NOT_CLOSING, EARLY, NOT_COMPARED)},
        "also_closing": _also_closing(changes, clear, known),
        "since": baselines[0] if baselines else "",
        "values": _counted(year_rows, "value"),
        "gap_values": _counted(gaps, "difference"),
    }


def _few(clear: Sequence[Row]) -> list[Row]:
    """The largest gap of each grouping, then the largest of a measure in a grouping, as many as are read at once."""
    of_grouping: dict[str, Row] = {}
    of_measure: dict[tuple[str, str], Row] = {}
    for gap in clear:
        of_grouping.setdefault(gap["stratifier"], gap)
        of_measure.setdefault((gap["measure_id"], gap["stratifier"]), gap)
    first = list(of_grouping.values())
    chosen = (first + [gap for gap in of_measure.values() if gap not in first])[:MOST_SENTENCES]
    return [gap for gap in clear if gap in chosen]


def _key(row: Row) -> tuple[str | None, ...]:
    return tuple(row[name] for name in _KEY)


def _gap(
    gap: Row,
    measure: Row,
    change: Row | None,
    values: dict[tuple[str, str, str], Row],
    labels: dict[object, str],
    is_followed: bool,
) -> Row:
    places = words.decimals(measure)
    own = values.get((gap["measure_id"], gap["stratifier"], gap["stratum"]))
    reference = values.get((gap["measure_id"], gap["stratifier"], gap["reference_stratum"]))
    # A reference that is everyone together stands under no grouping.
    reference = reference or values.get((gap["measure_id"], "overall", gap["reference_stratum"]))
    return {
        "title": measure["title"],
        "measure_id": gap["measure_id"],
        "grouping": words.inside(gap["stratifier_label"] or gap["stratifier"]),
        "group": gap["stratum_label"] or gap["stratum"],
        "reference": gap["reference_label"] or gap["reference_stratum"] or "–",
        "value": _shown(own, places),
        "reference_value": _shown(reference, places),
        "unit": words.plain_unit(measure["unit"] or ""),
        "better": measure["better"],
        "is_caution": gap["quality_status"] == "warn",
        "answer": _judged(change, is_followed),
        "why": _why(change, places, labels, is_followed),
    }


def _shown(row: Row | None, places: int) -> str:
    if row is None:
        return "a number that is not shown"
    return words.withheld(row, "value") or words.number(row["value"], places)


def _judged(change: Row | None, is_followed: bool) -> str:
    if change is None:
        return NOT_COMPARED if is_followed else EARLY
    if words.withheld(change, "difference_change"):
        return NOT_COMPARED
    return _VERDICTS.get(change["change_verdict"] or "", EARLY)


def _why(change: Row | None, places: int, labels: dict[object, str], is_followed: bool) -> str:
    if change is None:
        return "the first year has no such gap" if is_followed else "there is no earlier whole year to compare with"
    then = labels.get(change["baseline_starts_on"], "the first year")
    why = words.withheld(change, "difference_change")
    if why:
        return f"the gap in {then} or now is {why}"
    before, now = (words.number(change[name], places) for name in ("difference_before", "difference"))
    told = f"the gap was {before} in {then} and is {now} now"
    if change["change_verdict"] == "unclear":
        return f"{told}, which may be chance"
    if change["change_verdict"] == "turned around":
        return f"{told}; below zero, care served this group better than the other"
    return ", ".join(part for part in (told, _LEVELLING.get(change["levelling_down"] or "", "")) if part)


def _also_closing(changes: dict[tuple[str | None, ...], Row], clear: Sequence[Row], known: dict[str, Row]) -> int:
    """How many gaps that are not clear in this year are smaller than then by more than chance."""
    others = changes.keys() - {_key(gap) for gap in clear}
    twice = {name for name, row in known.items() if row["untested_convention"] == "untested_not_met"}
    return sum(
        _judged(changes[key], True) == CLOSING
        and not changes[key]["is_missing_category"]
        and changes[key]["measure_id"] not in twice
        for key in others
    )


def _looked_at(measures: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    found: dict[str, list[Row]] = {}
    for measure in measures:
        found.setdefault(_SORTS.get(measure["sort"], measure["sort"]) or "Other", []).append(measure)
    return list(found.items())


def _counted(rows: Sequence[Row], shown: str) -> Row:
    """Rows of groups that are known: how many have their number shown, and why the others have not."""
    counted = Counter(words.withheld(row, shown) or "shown" for row in rows if not row["is_missing_category"])
    return {
        "all": counted.total(),
        "shown": counted["shown"],
        "held": counted[words.HELD],
        "suppressed": counted[words.SUPPRESSED],
        "not_applicable": counted[words.NOT_APPLICABLE],
    }
