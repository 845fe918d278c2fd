"""An invented registry in the real tracts of a county, read again line by line from its CSV files and the area files.

The recount in recount_*.py then counts these rows child by child; nothing here goes through the pipeline.
"""

from __future__ import annotations

import csv
from pathlib import Path

from tests.support.tiny_warehouse import LAYOUT, Row

TRACT = "census_tract_id_2020"
Tables = dict[str, list[Row]]


def registry_rows(folder: Path) -> Tables:
    """The rows of each CSV file; a line with more fields than the header is left out, for it cannot be read."""
    tables: Tables = {}
    for table in LAYOUT:
        path = folder / f"{table}.csv"
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                header, *lines = csv.reader(file)
            tables[table] = [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)]
    return tables


def unreadable_lines(folder: Path) -> dict[str, int]:
    """How many lines of each file have another number of fields than the header, where there are any."""
    found = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
        if n_lines := sum(len(line) != len(header) for line in lines):
            found[path.stem] = n_lines
    return found


def area_rows(area: Path, county: str) -> list[Row]:
    """Children, poverty and deprivation of the county's tracts, from the two files as they were published."""
    rows: list[Row] = []
    for name, columns in (
        (
            "acs_measures_hamilton_2023.csv",
            {"n_persons_under_18": ("child_population", "count"), "prop_poverty": ("poverty", "higher_is_worse")},
        ),
        ("dep_index_us_tracts_2023.csv", {"dep_index": ("deprivation", "higher_is_worse")}),
    ):
        with (area / name).open(encoding="utf-8", newline="") as file:
            for tract in csv.DictReader(file):
                for column, (measure, direction) in columns.items():
                    if tract[TRACT].startswith(county):
                        value = "" if tract[column] == "NA" else tract[column]
                        rows.append(
                            {"tract_geoid": tract[TRACT], "tract_vintage": "2020", "data_year": "2023",
                             "measure": measure, "category": None, "value": value, "direction": direction}
                        )  # fmt: skip
    return rows
