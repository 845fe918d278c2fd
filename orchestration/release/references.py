"""Keeps the register of frozen references between runs, as a CSV file that people may read and correct.

It holds names of groups and dates, no count and no value. A line that is removed is chosen anew by the next run; which
references differ from the release before is said in the manifest of every release.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.errors import SettingsError
from orchestration.whole_file import replaced

if TYPE_CHECKING:
    import pandas as pd

KEY = ("measure_id", "site", "stratifier", "reference_rule")
COLUMNS = (*KEY, "reference_stratum", "reference_stratum_2", "chosen_from", "frozen_on")
_DATES = ("chosen_from", "frozen_on")
_REMEDY = "correct the line, or remove it (or the whole file) to have the reference chosen anew"


def read_references(path: Path) -> pd.DataFrame | None:
    """The register as text with its dates as timestamps; None where there is none yet.

    Raises SettingsError for a file that is no such register.
    """
    import pandas as pd

    if not path.is_file():
        return None
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError):
        raise _problem(path, "the register of references is a CSV file in UTF-8", "something else") from None
    if tuple(frame.columns) != COLUMNS:
        raise _problem(path, f"its columns are {', '.join(COLUMNS)}", ", ".join(map(str, frame.columns)))
    for name in _DATES:
        dates = pd.to_datetime(frame[name], format="%Y-%m-%d", errors="coerce")
        if dates.isna().any():
            line = int(dates.isna().to_numpy().argmax()) + 2
            raise _problem(path, f"`{name}` is a date like 2025-07-01", f"another text in line {line}")
        frame[name] = dates
    empty = (frame[[*KEY, "reference_stratum"]] == "").any(axis=1)
    for rows, rule in (
        (empty, "each line names its measure, site, stratifier, rule and reference"),
        (frame.duplicated(list(KEY)), "a reference is frozen once per measure, site, stratifier and rule"),
    ):
        if rows.any():
            raise _problem(path, rule, f"line {int(rows.to_numpy().argmax()) + 2} otherwise")
    return frame


def write_references(path: Path, frame: pd.DataFrame) -> None:
    """Replace the register whole; readers see the old one or the new one."""
    lines = frame.assign(**{name: frame[name].dt.strftime("%Y-%m-%d") for name in _DATES})[list(COLUMNS)]
    with replaced(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(lines.fillna("").itertuples(index=False, name=None))


def reference_changes(now: pa.Table, before: pa.Table | None) -> list[dict[str, Any]]:
    """References of `gaps` that differ from those of the release before, by measure, site and stratifier.

    Nothing is a change that only one of the two has. Both are release tables `gaps`.
    """
    if before is None or not {*KEY, "reference_stratum", "reference_stratum_2"} <= set(before.column_names):
        return []
    old, new = _by_key(before), _by_key(now)
    return [
        {
            **dict(zip(KEY[:3], key, strict=True)),
            "from": _words(old[key]),
            "to": _words(new[key]),
        }
        for key in sorted(old.keys() & new.keys())
        if old[key] != new[key]
    ]


def _by_key(gaps: pa.Table) -> dict[tuple[str, ...], tuple[str, ...]]:
    columns = [*KEY[:3], KEY[3], "reference_stratum", "reference_stratum_2"]
    rows = gaps.select(columns).group_by(columns).aggregate([]).to_pylist()
    return {
        tuple(row[name] for name in KEY[:3]): tuple(row[name] or "" for name in columns[3:])
        for row in rows
        if row["reference_stratum"]
    }


def _words(reference: tuple[str, ...]) -> str:
    rule, stratum, second = reference
    return f"{rule}: {stratum}" + (f" / {second}" if second else "")


def _problem(path: Path, rule: str, found: str) -> SettingsError:
    return SettingsError(rule, where=path.name, found=found, remedy=_REMEDY)
