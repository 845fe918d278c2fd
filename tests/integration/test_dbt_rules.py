"""The rules of counting, each as a small registry and what must come out of it; one warehouse holds them all.

A child is its own clinic here, so that each child's contribution can be read from the strata of its clinic. Rules of
single models that need no measure are unit tests beside the models.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from tests.support import tiny_warehouse
from tests.support.dbt_rules import events, groups, hba1c
from tests.support.dbt_rules.rule import Rule
from tests.support.text_tables import aligned, merge, read, show

RULES = (*hba1c.RULES, *events.RULES, *groups.RULES)
# A year of four quarters; what was recorded in the fortnight after it is known, too.
RUN = tiny_warehouse.Run(
    window_starts_on=dt.date(2025, 7, 1), window_ends_on=dt.date(2026, 6, 30), as_of=dt.date(2026, 7, 14)
)
# Five tracts of 100 children each: 1 has the least poverty, 5 the most. The one with the number 9 is in no area file.
AREA = [
    {"tract_geoid": f"9900100000{number}", "tract_vintage": 2020, "data_year": 2024, "measure": measure, "value": value}
    | {"category": "", "direction": direction}
    for number in range(1, 6)
    for measure, value, direction in [
        ("child_population", 100, "count"),
        ("poverty", number / 10, "higher_is_worse"),
        ("deprivation", number / 10, "higher_is_worse"),
    ]
]


def registry(rule: Rule) -> dict[str, list[tiny_warehouse.Row]]:
    """The rule's tables with everything filled in that it does not speak about."""
    found: dict[str, list[tiny_warehouse.Row]] = {"patients": [], "conditions": []}
    for child in read(rule.children):
        name = str(child["child"])
        usual = {"birth_date": "2015-01-15", "sex": "F", "enrolled_on": None, "left_on": None, "death_date": None}
        given = {column: child.get(column) or value for column, value in usual.items()}
        found["patients"].append({"patient_id": name, "site_id": name, **given})
        diagnosed = child.get("diagnosed_on") or "2020-01-01"
        found["conditions"].append({"patient_id": name, "code": "E10.9", "onset_on": diagnosed})
    for table, text in rule.tables.items():
        rows = read(text)
        for number, row in enumerate(rows):
            given_row: dict[str, object] = {"patient_id": row.pop("child"), **row}
            if table == "encounters":
                given_row["encounter_id"] = f"{rule.name}-{number}"
            if table == "observations":
                given_row = {"observation_id": f"{rule.name}-{number}", "code": "4548-4", "unit": "%", **given_row}
            if table == "addresses":
                given_row["tract_geoid"] = f"9900100000{row['tract_geoid']}" if row["tract_geoid"] else None
                given_row["tract_vintage"] = "2020"
            found.setdefault(table, []).append(given_row)
    return found


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    path = folder / "warehouse.duckdb"
    tiny_warehouse.write(path, RUN, {"clinic": merge({"tract_measures": AREA}, *(registry(rule) for rule in RULES))})
    tiny_warehouse.build(path, folder / "target")
    return path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule(warehouse: Path, rule: Rule) -> None:
    children = [str(child["child"]) for child in read(rule.children)]
    with duckdb.connect(str(warehouse), read_only=True) as con:
        result = con.execute(rule.query, [children])
        found = show([column[0] for column in result.description], result.fetchall())
    assert found == aligned(rule.expected)


def test_no_row_was_set_aside(warehouse: Path) -> None:
    """Every row of the rules is meant to be used; otherwise a rule would hold for want of data."""
    with duckdb.connect(str(warehouse), read_only=True) as con:
        assert con.execute("select * from quarantine").fetchall() == []
