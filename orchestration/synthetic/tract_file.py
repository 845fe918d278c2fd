"""Reads real census tracts from a CSV: where generated children are placed instead of in an invented county."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestration.errors import SourceError
from orchestration.synthetic.tracts import AREA_GROUPS, Tracts, make_tracts, whole_children

TRACT_COLUMNS = ("tract_geoid", "census_tract_id_2020", "census_tract_id", "geoid", "GEOID")
CHILDREN_COLUMNS = ("child_population", "n_persons_under_18", "n_children")
POVERTY_COLUMNS = ("poverty_share", "prop_poverty", "fraction_poverty")
DEPRIVATION_COLUMNS = ("deprivation_index", "dep_index")
SHARE_COLUMNS: dict[str, tuple[str, ...]] = {
    "aian": ("prop_aian", "prop_american_indian_and_not_hispanic_or_latino"),
    "asian": ("prop_asian", "prop_asian_and_not_hispanic_or_latino"),
    "black": ("prop_black_and_not_hispanic_or_latino", "prop_black"),
    "hispanic": ("prop_hispanic_or_latino", "prop_hispanic"),
    "multiple": ("prop_multiple", "prop_two_or_more_and_not_hispanic_or_latino"),
    "nhpi": ("prop_nhpi", "prop_pacific_islander_and_not_hispanic_or_latino"),
    "white": ("prop_white_and_not_hispanic_or_latino", "prop_white"),
}
HISPANIC_PARTS = ("prop_white_and_hispanic_or_latino", "prop_black_and_hispanic_or_latino")
MISSING = ("", "NA", "NaN", "null")
# What the file does not name is divided in these proportions among the groups that it does not name.
_REST = {"aian": 0.03, "asian": 0.38, "hispanic": 0.20, "multiple": 0.37, "nhpi": 0.02}


def read_tracts(path: Path) -> Tracts:
    """Tracts with children and shares by race from a CSV with a header.

    Columns, the first of each list that is there: the tract's 11 digits (`TRACT_COLUMNS`), children living in it
    (`CHILDREN_COLUMNS`), share of people in poverty, 0 to 1 (`POVERTY_COLUMNS`); children by group either as counts
    `children_<group>` for all of aian, asian, black, hispanic, multiple, nhpi and white (as in a generated
    `tracts.csv`), or as shares, 0 to 1 (`SHARE_COLUMNS`), of which Black and White are needed. Hispanic may also come
    as `HISPANIC_PARTS`. People whom no column names are divided among the groups without a column. A deprivation index
    (`DEPRIVATION_COLUMNS`) may be there. An empty poverty or deprivation cell is not known; a tract whose shares are
    not known gets the county's. Raises SourceError where the file or a needed column is missing, or a cell is
    no number.
    """
    header, cells = _read(path)
    geoids = tuple(_column(header, cells, TRACT_COLUMNS, "the tract's 11 digits", path))
    bad = sum(1 for geoid in geoids if not re.fullmatch(r"[0-9]{11}", geoid))
    if bad or len(set(geoids)) != len(geoids):
        raise SourceError(
            "each row needs a tract of its own, 11 digits as text",
            where=str(path),
            found=f"{bad} other key(s), {len(geoids) - len(set(geoids))} repeated",
            remedy="keep leading zeros (two digits of the state come first) and one row per tract",
        )
    population = _numbers(header, cells, CHILDREN_COLUMNS, "children living in the tract", path)
    total = np.nan_to_num(population).astype(np.int64)
    poverty = _numbers(header, cells, POVERTY_COLUMNS, "the share of people in poverty", path)
    if not any(name in header for name in DEPRIVATION_COLUMNS):
        deprivation = np.full(len(geoids), np.nan)
    else:
        deprivation = _numbers(header, cells, DEPRIVATION_COLUMNS, "the deprivation index", path)
    if all(f"children_{group}" in header for group in AREA_GROUPS):
        counts = [_numbers(header, cells, (f"children_{group}",), f"children ({group})", path) for group in AREA_GROUPS]
        children = np.nan_to_num(np.stack(counts, axis=1)).astype(np.int64)
    else:
        children = whole_children(_shares(header, cells, path, total), total)
    if children.sum() <= 0 or np.isnan(poverty).all():
        raise SourceError(
            "the tracts need children and known poverty",
            where=str(path),
            found=f"{int(children.sum())} children, {int((~np.isnan(poverty)).sum())} tracts with a poverty share",
            remedy="choose a file with both",
        )
    return make_tracts(geoids, children, poverty, deprivation)


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            "the tracts file must be a CSV in UTF-8 that can be read",
            where=str(path),
            found=type(error).__name__,
            remedy="check its path and encoding",
        ) from None
    if len(lines) < 2 or any(len(line) != len(lines[0]) for line in lines):
        raise SourceError(
            "the tracts file needs a header and rows of the same number of cells",
            where=str(path),
            found=f"{max(len(lines) - 1, 0)} row(s)",
            remedy="export it again",
        )
    return lines[0], lines[1:]


def _column(header: list[str], cells: list[list[str]], names: Sequence[str], meaning: str, path: Path) -> list[str]:
    for name in names:
        if name in header:
            position = header.index(name)
            return [line[position].strip() for line in cells]
    raise SourceError(
        f"the tracts file needs a column with {meaning}",
        where=str(path),
        found="none of " + ", ".join(names),
        remedy="rename the column to one of these",
    )


def _numbers(
    header: list[str], cells: list[list[str]], names: Sequence[str], meaning: str, path: Path
) -> NDArray[np.float64]:
    texts = _column(header, cells, names, meaning, path)
    try:
        numbers = np.array([np.nan if text in MISSING else float(text) for text in texts])
    except ValueError:
        numbers = np.array([-1.0])
    if (numbers < 0).any() or np.isinf(numbers).any():
        raise SourceError(
            f"{meaning} must be a number from 0 up, or empty",
            where=str(path),
            found="another cell in " + next(name for name in names if name in header),
            remedy="mark missing values by an empty cell",
        )
    return numbers


def _shares(header: list[str], cells: list[list[str]], path: Path, total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Tract x group, summing to 1."""
    shares = np.full((len(cells), len(AREA_GROUPS)), np.nan)
    named = np.zeros(len(AREA_GROUPS), bool)
    for position, group in enumerate(AREA_GROUPS):
        if group in ("black", "white") or any(name in header for name in SHARE_COLUMNS[group]):
            shares[:, position] = _numbers(header, cells, SHARE_COLUMNS[group], f"the share of {group} people", path)
            named[position] = True
    hispanic = AREA_GROUPS.index("hispanic")
    if not named[hispanic] and all(name in header for name in HISPANIC_PARTS):
        parts = [_numbers(header, cells, (name,), "a share of Hispanic people", path) for name in HISPANIC_PARTS]
        shares[:, hispanic] = np.sum(parts, axis=0)
        named[hispanic] = True
    rest = np.clip(1.0 - np.nansum(shares[:, named], axis=1), 0.0, 1.0)
    weights = np.array(
        [0.0 if named[position] else _REST.get(group, 0.0) for position, group in enumerate(AREA_GROUPS)]
    )
    if weights.sum() > 0:
        shares[:, ~named] = rest[:, None] * (weights / weights.sum())[~named]
    unknown = np.isnan(shares).any(axis=1) | (np.nansum(shares, axis=1) <= 0)
    people = np.where(unknown, 0, total)[:, None]
    county = np.nansum(shares * people, axis=0) / max(people.sum(), 1)
    shares[unknown] = county if county.sum() > 0 else 1.0
    whole: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return whole
