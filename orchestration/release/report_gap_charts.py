"""The report's charts of gaps over time without an aim: the largest gap of each measure in each grouping, at all sites.

The largest is that of the latest whole year among gaps that are shown, reliable and of a known group. A chart that the
release does not draw is named with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.release import report_data
from orchestration.release import report_words as words
from orchestration.release.control_charts import control
from orchestration.release.report_aims import point, signals
from orchestration.release.report_data import ALL_SITES, Row

_KEY = ("measure_id", "stratifier", "stratum", "reference_stratum")
_Key = tuple[str | None, ...]


def gap_charts(tables: dict[str, pa.Table], every: Sequence[Row], gaps: Sequence[Row]) -> list[Row]:
    """Per measure with a gap: `measure` and its `gaps`, each with words, yearly values, and picture and points if any.

    `gaps` are those of the latest whole year at all sites.
    """
    largest = _largest(gaps)
    series = {_key(row): row for row in _of_gaps(tables["chart_series"])}
    points: dict[_Key, list[Row]] = {}
    for row in _of_gaps(tables["charts"]):
        points.setdefault(_key(row), []).append(row)
    years: dict[_Key, list[Row]] = {}
    for row in report_data.years_of(tables["gaps"], {gap["stratifier"] for gap in largest}):
        years.setdefault(_key(row), []).append(row)
    aims = {_key(row) for row in tables["aims"].to_pylist() if row["site"] == ALL_SITES}
    found = []
    for measure in every:
        own = [gap for gap in largest if gap["measure_id"] == measure["measure_id"]]
        drawn = [
            _chart(gap, measure, series.get(_key(gap)), points.get(_key(gap), []), years.get(_key(gap), []), aims)
            for gap in own
        ]
        if drawn:
            found.append({"measure": measure, "gaps": drawn})
    return found


def _key(row: Row) -> _Key:
    return tuple(row[name] for name in _KEY)


def _of_gaps(table: pa.Table) -> list[Row]:
    found: list[Row] = table.filter(
        pc.and_(pc.equal(table["subject"], "gap"), pc.equal(table["site"], ALL_SITES))
    ).to_pylist()
    return found


def _largest(gaps: Sequence[Row]) -> list[Row]:
    """One gap per measure and grouping, in the order of the groupings."""
    largest: dict[tuple[str, str], Row] = {}
    for gap in gaps:
        is_known = not words.withheld(gap, "difference") and not gap["is_missing_category"]
        if not is_known or gap["reliability_status"] != "reliable" or gap["difference"] <= 0:
            continue
        key = (gap["measure_id"], gap["stratifier"])
        if key not in largest or gap["difference"] > largest[key]["difference"]:
            largest[key] = gap
    order = report_data.STRATIFIERS
    return sorted(
        (gap for gap in largest.values() if gap["stratifier"] in order), key=lambda gap: order.index(gap["stratifier"])
    )


def _chart(gap: Row, measure: Row, series: Row | None, points: list[Row], years: list[Row], aims: set[_Key]) -> Row:
    places = words.decimals(measure)
    group, reference = gap["stratum_label"] or gap["stratum"], gap["reference_label"] or gap["reference_stratum"] or "–"
    has_aim = _key(gap) in aims
    picture = ""
    if points and not has_aim:
        title = f"{measure['title']}: gap of {group} beside {reference} over time, with control limits"
        axis = f"Worse by ({gap['unit'] or measure['unit']})"
        picture = control([point(row) for row in points], [], title=title, axis=axis, target=None, width=380)
    return {
        "grouping": gap["stratifier_label"] or gap["stratifier"],
        "group": group,
        "reference": reference,
        "unit": gap["unit"] or measure["unit"],
        "years": [(row["period_label"], words.withheld(row, "difference") or words.number(row["difference"], places),
                   words.status(row, "difference")) for row in years],
        "picture": picture,
        "has_aim": has_aim,
        "why_not": "" if picture or has_aim else _why_not(series),
        "grain": series["grain"] if series else "",
        "rules": series["rule_set"] if series else "",
        "variation": _plain(series["variation"]) if series else "",
        "baseline": _baseline(series) if picture and series else "",
        "signals": signals(points, places) if picture else [],
        "rows": [_line(row, places) for row in points] if picture else [],
    }  # fmt: skip


def _plain(variation: str | None) -> str:
    """What the chart says of the latest point, without the words of statistical process control."""
    return (variation or "").replace("common cause", "within chance").replace("special cause", "more than chance")


def _baseline(series: Row) -> str:
    if series["baseline_starts_on"] is None or series["baseline_ends_on"] is None:
        return ""
    return f"{series['baseline_starts_on']:%b %Y} to {series['baseline_ends_on']:%b %Y}"


def _why_not(series: Row | None) -> str:
    """Why the release has no chart, as the end of a sentence."""
    if series is None:
        return "this release follows no such gap by month"
    return str(series["chart_status"]).removeprefix("not drawn: ")


def _line(row: Row, places: int) -> Row:
    why = words.withheld(row, "value")
    return {
        "label": row["period_label"],
        "value": why or words.number(row["value"], places),
        "centre": words.number(row["centre"], places),
        "limits": words.interval(row["limit_low"], row["limit_high"], places),
        "signal": f"{row['signal']} ({row['signal_meaning']})" if row["signal"] is not None else "none",
        "is_shown": not why,
    }
