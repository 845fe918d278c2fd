"""SQL out of the concept tables: CASE expressions, and source values read by the site's own list. Opens no file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import SettingsError
from orchestration.settings import PROJECT_ROOT
from orchestration.sources import sql

DEFAULT_SOURCE_VALUES = PROJECT_ROOT / "seeds" / "omop_source_values.csv"
_HEADER = ["field", "source_value", "value"]
_FIELDS = ("ethnicity", "race")
# Between the parts of a source value that names several races.
_SEPARATORS = "[;|/,+^~]"


@dataclass(frozen=True)
class SourceValues:
    """What a site's texts mean: (field, text in lower case) to the values of the layout, several or none of them."""

    values: Mapping[tuple[str, str], tuple[str, ...]]

    def as_map(self, field: str) -> str:
        """An SQL map from the field's texts to lists of values."""
        entries = ", ".join(
            f"{sql.text(text)}: [{', '.join(sql.text(value) for value in values)}]::varchar[]"
            for (own, text), values in sorted(self.values.items())
            if own == field
        )
        return f"map {{{entries}}}" if entries else "map([]::varchar[], []::varchar[][])"


def load_source_values(path: Path | None) -> SourceValues:
    """The site's list, else the default. Raises SettingsError naming the line that is not right."""
    chosen = path or DEFAULT_SOURCE_VALUES
    try:
        with chosen.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(
            "the list of source values is a CSV file in UTF-8",
            where=str(chosen),
            found=getattr(error, "strerror", None) or type(error).__name__,
            remedy="correct `source_values`",
        ) from None
    if not lines or lines[0] != _HEADER:
        raise _wrong(chosen, 1, "another header", f"begin with {','.join(_HEADER)}")
    values: dict[tuple[str, str], tuple[str, ...]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        if len(line) != len(_HEADER) or line[0] not in _FIELDS or not line[1].strip():
            raise _wrong(chosen, number, "something else", f"write {' or '.join(_FIELDS)}, a text, and what it means")
        key = (line[0], line[1].strip().lower())
        if key in values:
            raise _wrong(chosen, number, "a text that stands above already", "take one of them away")
        values[key] = tuple(part.strip() for part in line[2].split("|") if part.strip())
    return SourceValues(values)


def _wrong(path: Path, line: int, found: str, remedy: str) -> SettingsError:
    return SettingsError(
        "the list of source values has one line per field and text",
        where=f"{path}, line {line}",
        found=found,
        remedy=remedy,
    )


def case_of(column: str, meanings: Mapping[int, str | None], otherwise: str = "null") -> str:
    """CASE that turns concept ids into texts."""
    whens = " ".join(
        f"when {concept} then {'null' if text is None else sql.text(text)}" for concept, text in meanings.items()
    )
    return f"(case {column} {whens} else {otherwise} end)"


def ranked(column: str, best_first: Iterable[int], start: int = 0) -> str:
    """CASE that gives each concept id its place in `best_first`, from `start`; NULL for others."""
    whens = " ".join(f"when {concept} then {start + place}" for place, concept in enumerate(best_first))
    return f"(case {column} {whens} end)"


def meant_by(text: str, listed: str) -> str:
    """The sorted list of values that a source text means: as a whole if it is listed, else part by part.

    `listed` is a map from text in lower case to lists. A part that it does not know is kept, and counted as unmapped.
    """
    own = f"lower({text})"
    parts = f"list_filter(regexp_split_to_array({own}, '\\s*{_SEPARATORS}\\s*'), lambda part: part <> '')"
    each = f"lambda part: coalesce({listed}[part], [part])"
    return f"coalesce({listed}[{own}], list_sort(list_distinct(flatten(list_transform({parts}, {each})))))"
