"""Writes and checks `measure_reports/*.json`: yearly values as FHIR R4 MeasureReports, by measure, year and site.

Made from the published tables alone. A number that is not there carries why: `masked` (suppressed), `error` (held: the
recorded data cannot carry it), `not-applicable` (nobody in the group) or `unknown` (not recorded). A zero is a number.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.release.measure_report_codes import (
    OWN,
    Json,
    MeasureCodes,
    RaceCodes,
    absent,
    group_concept,
    race_codes,
    stratifier_concept,
    text,
)

MEASURE_REPORTS = "measure_reports"
PROFILE = "http://hl7.org/fhir/us/davinci-deqm/StructureDefinition/summary-measurereport-deqm"
_REPORT = ("measure_id", "period_starts_on", "site")
_COLUMNS = (
    *("release_id", *_REPORT, "period_ends_on", "site_label", "stratifier", "stratifier_label"),
    *("stratum", "stratum_label", "stratifier_2", "stratifier_2_label", "stratum_2", "stratum_2_label"),
    *("n_patients", "numerator", "denominator", "value"),
    *("disclosure_status", "reliability_status", "quality_status"),
)
_LONGEST_ID, _DIGEST = 64, 12
_NOT_IN_ID = re.compile("[^a-z0-9]+")


def report_id(measure_id: str, starts_on: dt.date, site: str) -> str:
    """A FHIR id (at most 64 of `A-Z a-z 0-9 - .`), the same in every release, of one measure, year and site only."""
    named = json.dumps([measure_id, str(starts_on), site])
    digest = hashlib.sha256(named.encode()).hexdigest()[:_DIGEST]
    words = _NOT_IN_ID.sub("-", f"{measure_id}-{starts_on}-{site}".lower()).strip("-")
    return f"{words[: _LONGEST_ID - _DIGEST - 1].rstrip('-')}-{digest}"


def write_measure_reports(measures: pa.Table, strata: pa.Table, directory: Path, *, created_at: dt.datetime) -> None:
    """Write one compact JSON file per measure, year and site into `directory`; `created_at` has a time zone.

    `measures` and `strata` are the published tables. The same tables and time give the same bytes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for report in measure_reports(measures, strata, created_at=created_at):
        body = json.dumps(report, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        (directory / f"{report['id']}.json").write_text(body, encoding="utf-8")


def measure_reports(measures: pa.Table, strata: pa.Table, *, created_at: dt.datetime) -> Iterator[Json]:
    """The reports as JSON objects, in the order of the table."""
    race = race_codes()
    codes = {measure["measure_id"]: MeasureCodes(measure) for measure in measures.to_pylist()}
    date = created_at.astimezone(dt.UTC).isoformat(timespec="seconds")
    yearly = strata.select(list(_COLUMNS)).filter(pc.equal(strata["grain"], "year"))
    columns = [column.to_pylist() for column in yearly.itercolumns()]
    rows = (dict(zip(_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True))
    for (measure_id, starts_on, site), of_report in groupby(rows, key=lambda row: tuple(row[name] for name in _REPORT)):
        mine = list(of_report)
        first, measure = mine[0], codes[measure_id]
        name = report_id(measure_id, starts_on, site)
        yield {
            "resourceType": "MeasureReport",
            "id": name,
            "meta": {"profile": [PROFILE]},
            "extension": [measure.scoring],
            "identifier": [{"system": f"{OWN}:release", "value": f"{first['release_id']}/{name}"}],
            "status": "complete",
            "type": "summary",
            "measure": measure.canonical,
            "date": date,
            "reporter": _reporter(site, first["site_label"]),
            "period": {"start": str(starts_on), "end": str(first["period_ends_on"])},
            "improvementNotation": measure.improvement,
            "group": [_group(mine, measure, race)],
        }


def _reporter(site: str, label: str | None) -> Json:
    """The organization that the values are of, never a person."""
    identifier = {"system": f"{OWN}:site", "value": text(site)}
    return {"type": "Organization", "identifier": identifier, "display": text(label or site)}


def _group(rows: list[Json], measure: MeasureCodes, race: RaceCodes) -> Json:
    """Everybody's numbers, and below them one stratifier after the other."""
    stratifiers = []
    everybody: Json = {"population": [_count(code, absent("unknown")) for code, _ in measure.populations]}
    for (stratifier, label), strata in groupby(rows, key=lambda row: (row["stratifier"], row["stratifier_label"])):
        if stratifier == "overall":
            everybody = _numbers(next(strata), measure)
            continue
        listed = [{**_named(row, race), **_numbers(row, measure)} for row in strata]
        stratifiers.append({"code": [stratifier_concept(stratifier, label)], "stratum": listed})
    return {"code": measure.title, **everybody, **({"stratifier": stratifiers} if stratifiers else {})}


def _named(row: Json, race: RaceCodes) -> Json:
    """Which group a stratum is: one value, or for a crossing one component for each of its two stratifiers."""
    value = group_concept(row["stratifier"], row["stratum"], row["stratum_label"], race)
    if row["stratifier_2"] is None:
        return {"value": value}
    second = group_concept(row["stratifier_2"], row["stratum_2"], row["stratum_2_label"], race)
    return {
        "component": [
            {"code": stratifier_concept(row["stratifier"], row["stratifier_label"]), "value": value},
            {"code": stratifier_concept(row["stratifier_2"], row["stratifier_2_label"]), "value": second},
        ]
    }


def _numbers(row: Json, measure: MeasureCodes) -> Json:
    """Counts and score of a row, each a number or the reason that there is none."""
    withheld = _withheld(row)
    if withheld:
        nothing = absent(withheld)
        return {"population": [_count(code, nothing) for code, _ in measure.populations], "measureScore": nothing}
    unknown = absent("unknown")
    counts = [_count(code, unknown if row[column] is None else row[column]) for code, column in measure.populations]
    if row["value"] is not None:
        return {"population": counts, "measureScore": {"value": row["value"], **measure.unit}}
    nobody = row["reliability_status"] == "not_applicable"
    return {"population": counts, "measureScore": absent("not-applicable") if nobody else unknown}


def _withheld(row: Json) -> str | None:
    """Why nothing of the row is shown; None when it is published."""
    if row["quality_status"] == "hold":
        return "error"
    return None if row["disclosure_status"] == "published" else "masked"


def _count(code: Json, count: int | Json) -> Json:
    return {"code": code, "_count": count} if isinstance(count, dict) else {"code": code, "count": count}


def measure_report_findings(directory: Path, strata: pa.Table) -> list[str]:
    """Reports in `directory` that are missing, too many, or no MeasureReport of that name, by the table `strata`."""
    yearly = strata.filter(pc.equal(strata["grain"], "year")).select(list(_REPORT))
    expected = {f"{report_id(*row.values())}.json" for row in yearly.group_by(list(_REPORT)).aggregate([]).to_pylist()}
    present = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    findings = [f"{MEASURE_REPORTS}/{name}: missing" for name in expected - present]
    findings += [f"{MEASURE_REPORTS}/{name}: not of a measure, year and site" for name in present - expected]
    for name in expected & present:
        if not _is_report(directory / name):
            findings.append(f"{MEASURE_REPORTS}/{name}: not a MeasureReport as JSON in UTF-8")
    return sorted(findings)


def _is_report(path: Path) -> bool:
    try:
        report: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    wanted = ("MeasureReport", path.stem)
    return isinstance(report, Mapping) and (report.get("resourceType"), report.get("id")) == wanted
