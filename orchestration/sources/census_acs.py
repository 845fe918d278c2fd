"""Pulls five-year ACS estimates of tracts: asks for the lines, checks their labels, and lands the derived measures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from orchestration.errors import SettingsError, SourceError
from orchestration.settings import Settings, secret
from orchestration.settings_area import CensusAcsSource
from orchestration.sources.acs_values import Estimate, estimate_of, label_parts
from orchestration.sources.census_client import CensusClient
from orchestration.sources.census_tables import Derived, derive, labels_of
from orchestration.sources.landing import Progress, Task, Written, land
from orchestration.sources.layout import TRACT_MEASURES
from orchestration.sources.raw_zone import DATA, PulledFile, RawZone, zone_of

ANSWERS = "answers"
_PARTS = ("E", "M", "EA", "MA")
# The API gives at most 50 variables a call, and a line is four.
_LINES_PER_CALL = 50 // len(_PARTS)
_COUNTIES_PER_CALL = 40
_GEOGRAPHY = ("state", "county", "tract")


@dataclass(frozen=True)
class _Call:
    """One request: its lines and the place, and the file of its answer."""

    lines: tuple[str, ...]
    place: str
    answer: Path
    rows: Any


def pull(source: CensusAcsSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the vintage's estimates for the counties into the raw zone. A second pull asks nothing.

    Rows are counted per tract and measure. Raises SettingsError without counties or a key; SourceError when the server
    does not give data, a label is another than expected, or an answer cannot be read.
    """
    counties = _counties(source, settings)
    zone = zone_of(settings.raw_dir, source.name)
    with zone.locked():
        client = CensusClient(
            source.base_url,
            zone.root / ANSWERS,
            lambda: secret(source.api_key_variable, setting="api_key_variable"),
            progress,
            source.attempts,
            source.timeout_seconds,
        )
        labels = labels_of(source.measures, source.year)
        dataset = f"{source.year}/acs/acs5"
        listed, variables = client.get(f"{dataset}/variables.json", {}, with_key=False)
        _check_labels(labels, variables, f"{dataset}/variables.json")
        calls = list(_ask(client, dataset, tuple(labels), counties))
        if client.asked:
            progress(f"{source.name}: {client.asked} request(s) to the census server")
        bundle = _bundle(zone, source, [listed, *(call.answer for call in calls)])
        rules = source.model_dump_json(include={"year", "measures", "cv_limit"})
        label = f"{source.name}/acs5_{source.year}"
        task = Task(
            TRACT_MEASURES.name,
            bundle,
            label,
            partial(_write, source, calls, label),
            mapping_sha256=hashlib.sha256(rules.encode()).hexdigest(),
        )
        return land(zone, [task], "snapshot", progress)


def _counties(source: CensusAcsSource, settings: Settings) -> tuple[str, ...]:
    counties = tuple(sorted(set(source.counties or settings.catchment_counties)))
    if not counties:
        raise SettingsError(
            "a census source says for which counties",
            where=f"source {source.name}",
            found="neither `counties` nor `catchment_counties`",
            remedy="name the catchment's counties, five digits each",
        )
    wrong = [code for code in counties if code[:2] == "09" and (code[2] == "1") != (source.year >= 2022)]
    if wrong:
        have = "planning regions (09110 to 09190)" if source.year >= 2022 else "counties (09001 to 09015)"
        raise SettingsError(
            f"in ACS {source.year}, Connecticut has {have}",
            where=f"source {source.name}, counties",
            found=", ".join(wrong),
            remedy="name those; for addresses keyed the other way, add a `tract_crosswalk`",
        )
    return counties


def _check_labels(labels: dict[str, tuple[str, ...]], listed: Any, where: str) -> None:
    variables = listed.get("variables") if isinstance(listed, dict) else None
    if not isinstance(variables, dict):
        raise SourceError("the vintage's list of variables can be read", where=where, found="another kind of JSON")
    for line, expected in labels.items():
        entry = variables.get(f"{line}E")
        found = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(found, str) or label_parts(found) not in {label_parts(text) for text in expected}:
            raise SourceError(
                f"{line}E is labelled {' or '.join(map(repr, expected))}",
                where=where,
                found="no such variable" if found is None else repr(found)[:300],
                remedy="lines move between vintages: pin another `year`, or leave the measure out of `measures`",
            )


def _ask(client: CensusClient, dataset: str, lines: tuple[str, ...], counties: tuple[str, ...]) -> Iterator[_Call]:
    states = sorted({code[:2] for code in counties})
    for state in states:
        for some in _batches(tuple(code[2:] for code in counties if code[:2] == state), _COUNTIES_PER_CALL):
            place = f"state:{state} county:{','.join(some)}"
            for chosen in _batches(lines, _LINES_PER_CALL):
                get = ",".join(f"{line}{part}" for line in chosen for part in _PARTS)
                answer, rows = client.get(dataset, {"get": get, "for": "tract:*", "in": place})
                yield _Call(chosen, place, answer, rows)


def _bundle(zone: RawZone, source: CensusAcsSource, answers: list[Path]) -> Path:
    """The list of the answers that a pull stands on, as the file that is pulled."""
    content = json.dumps([[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in answers], indent=1)
    path = zone.root / ANSWERS / f"pull_{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"
    if not path.is_file():
        path.write_text(content, encoding="utf-8")
    return path


def _write(source: CensusAcsSource, calls: list[_Call], label: str, folder: Path) -> Written:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    columns: dict[str, list[Any]] = {
        "tract_geoid": [], "value": [], "moe": [], "is_unreliable": [], "missing_reason": [], "measure": [],
        "category": [], "direction": [],
    }  # fmt: skip
    for place in dict.fromkeys(call.place for call in calls):
        tracts, lines = _lines([call for call in calls if call.place == place], label)
        for row in derive(source.measures, lines):
            _append(columns, tracts, row, source.cv_limit)
    n = len(columns["value"])
    constant = {
        "tract_vintage": pa.array([source.tract_vintage] * n, pa.int32()),
        "data_year": pa.array([source.year] * n, pa.int32()),
        "area_level": ["tract"] * n,
        "release": [f"ACS {source.year - 4}-{source.year}"] * n,
    }
    types = {column.name: column.type for column in TRACT_MEASURES.columns}
    arrow = {"VARCHAR": pa.string(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}
    everything = {**columns, **constant}
    arrays = {name: pa.array(everything[name], arrow[kind]) for name, kind in types.items()}
    arrays["_source_row"] = pa.array(range(1, n + 1), pa.int64())
    pq.write_table(pa.table(arrays), folder / DATA)
    return Written({**types, "_source_row": "BIGINT"}, n)


def _lines(calls: list[_Call], label: str) -> tuple[list[str], dict[str, Estimate]]:
    """The tracts of one place and, per line, its estimates in their order. Raises SourceError when answers differ."""
    tracts: list[str] = []
    lines: dict[str, Estimate] = {}
    for call in calls:
        try:
            header, *rows = call.rows
            at = {
                name: header.index(name) for name in (*(f"{ln}{p}" for ln in call.lines for p in _PARTS), *_GEOGRAPHY)
            }
            rows = sorted(rows, key=lambda row: tuple(row[at[name]] for name in _GEOGRAPHY))
            found = ["".join(row[at[name]] for name in _GEOGRAPHY) for row in rows]
            for line in call.lines:
                lines[line] = estimate_of(*([row[at[f"{line}{part}"]] for row in rows] for part in _PARTS))
        except (ValueError, TypeError, IndexError):
            raise _unreadable(label, call, "an answer that is not the documented table of texts") from None
        if any(len(tract) != 11 or not tract.isdecimal() for tract in found) or len(set(found)) != len(found):
            raise _unreadable(label, call, "a tract without its 11 digits, or twice")
        if tracts and found != tracts:
            raise _unreadable(label, call, "other tracts than in the answers before")
        tracts = found
    return tracts, lines


def _unreadable(label: str, call: _Call, found: str) -> SourceError:
    return SourceError(
        "the answers of the census server can be read",
        where=f"{label}, {call.answer.name}",
        found=found,
        remedy="delete that file in the raw zone and pull again",
    )


def _append(columns: dict[str, list[Any]], tracts: list[str], row: Derived, cv_limit: float) -> None:
    unreliable = row.estimate.is_unreliable(cv_limit)
    for number, tract in enumerate(tracts):
        value, moe, reason = (each[number] for each in (row.estimate.value, row.estimate.moe, row.estimate.reason))
        is_there = value == value
        columns["tract_geoid"].append(tract)
        columns["value"].append(format(value, ".12g") if is_there else None)
        columns["moe"].append(format(moe, ".12g") if moe == moe else None)
        columns["is_unreliable"].append(bool(unreliable[number]) if is_there else None)
        columns["missing_reason"].append(None if is_there else str(reason))
        columns["measure"].append(row.measure)
        columns["category"].append(row.category)
        columns["direction"].append(row.direction)


def _batches(items: tuple[str, ...], size: int) -> list[tuple[str, ...]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
