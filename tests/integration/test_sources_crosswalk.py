"""Crosswalks between tract vintages: nobody is lost and nobody made on the way, or the whole file is refused."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_area import TractCrosswalkSource
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.source_files import query

A, B, C = "39061000100", "39061000200", "39061000300"
HEADER = (
    "OID_TRACT_20|GEOID_TRACT_20|AREALAND_TRACT_20|OID_TRACT_10|GEOID_TRACT_10|AREALAND_PART|AREAWATER_PART|people\n"
)


def settings_of(tmp_path: Path, content: str, name: str = "crosswalk.csv", **changes: Any) -> Settings:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8-sig")
    facts: dict[str, Any] = {"path": path, "from_vintage": 2010, "to_vintage": 2020}
    source = TractCrosswalkSource(name="crosswalk", **{**facts, **changes})
    return Settings(data_dir=tmp_path / "var", sources=(source,))


def pull(settings: Settings) -> PulledFile:
    (file,) = pull_source(settings.sources[0], settings, lambda _: None)
    return file


def landed(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    return query(settings, f"select {columns} from raw.tract_crosswalk order by all")


def relationship(rows: list[tuple[str, str, int, int, int]]) -> str:
    lines = [f"1|{new}|9|2|{old}|{land}|{water}|{people}" for old, new, land, water, people in rows]
    return HEADER + "\n".join(lines) + "\n"


def test_weights_as_supplied(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"from_geoid,to_geoid,weight\n{A},{A},0.25\n{A},{B},0.75\n{B},{B},1\n")
    assert (pull(settings).rows_pulled, pull(settings).skipped) == (3, True)
    assert landed(settings, "from_geoid, from_vintage, to_geoid, to_vintage, weight, part_size, basis") == [
        (A, 2010, A, 2020, 0.25, None, "supplied"),
        (A, 2010, B, 2020, 0.75, None, "supplied"),
        (B, 2010, B, 2020, 1.0, None, "supplied"),
    ]


def test_weights_from_a_relationship_file_by_land(tmp_path: Path) -> None:
    # B is all water; nothing of C's land lies in A, but a sliver of its water does.
    rows = [(A, A, 300, 5, 1), (A, B, 100, 0, 9), (B, B, 0, 30, 0), (B, C, 0, 10, 0), (C, C, 50, 0, 2), (C, A, 0, 2, 0)]
    settings = settings_of(tmp_path, relationship(rows), "tab20_tract20_tract10_natl.txt", form="relationship")
    pull(settings)
    assert landed(settings, "from_geoid, to_geoid, weight, part_size, basis") == [
        (A, A, 0.75, 300.0, "land area"),
        (A, B, 0.25, 100.0, "land area"),
        (B, B, 0.75, 0.0, "land area"),
        (B, C, 0.25, 0.0, "land area"),
        (C, A, 0.0, 0.0, "land area"),
        (C, C, 1.0, 50.0, "land area"),
    ]


def test_weights_by_people_and_the_other_way(tmp_path: Path) -> None:
    rows = [(A, A, 300, 5, 1), (A, B, 100, 0, 9), (B, B, 50, 0, 31)]
    changes = {"form": "relationship", "part_column": "people", "part_is": "people"}
    settings = settings_of(tmp_path, relationship(rows), "x.txt", **changes)
    pull(settings)
    assert landed(settings, "from_geoid, to_geoid, weight, basis")[:2] == [(A, A, 0.1, "people"), (A, B, 0.9, "people")]
    back = settings_of(tmp_path, relationship(rows), "x.txt", **changes, from_vintage=2020, to_vintage=2010)
    pull(back)
    assert landed(back, "from_geoid, from_vintage, to_geoid, weight") == [
        (A, 2020, A, 1.0),
        (B, 2020, A, 9 / 40),
        (B, 2020, B, 31 / 40),
    ]


def test_thousands_of_parts_are_conserved(tmp_path: Path) -> None:
    numbers = random.Random(1)
    rows = [
        (f"39061{old:06d}", f"39061{old + step:06d}", numbers.randrange(10**9), 0, 0)
        for old in range(400)
        for step in range(numbers.randrange(1, 30))
    ]
    settings = settings_of(tmp_path, relationship(rows), "x.txt", form="relationship")
    pull(settings)
    worst = "select max(abs(total - 1)) from (select sum(weight) as total from raw.tract_crosswalk group by from_geoid)"
    assert query(settings, worst)[0][0] <= 1e-9


def test_connecticut_s_tracts_have_other_names_and_nothing_else(tmp_path: Path) -> None:
    content = "tract_fips_20,tract_fips_22\n09001010101,09190010101\n09001010102,09190010102\n"
    changes = {"from_vintage": 2020, "from_column": "tract_fips_20", "to_column": "tract_fips_22", "form": "one_to_one"}
    settings = settings_of(tmp_path, content, **changes)
    pull(settings)
    assert landed(settings, "from_geoid, to_geoid, weight")[0] == ("09001010101", "09190010101", 1.0)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (f"{A},{A},0.5\n{A},{B},0.5000001\n", f"1.0000001 for the tract {A}"),
        (f"{A},{A},0.999999998\n{B},{B},0.9\n", "and 1 more"),
        (f"{A},{A},-1\n{A},{B},2\n", "row 1: the weight or size is no number from 0 up"),
        (f"{A},{A},half\n", "row 1: the weight or size is no number from 0 up"),
        (f"{A},{A},0.5\n{A},{A},0.5\n", "row 1: the pair of tracts stands twice"),
        (f"{A},{A},1\n6061000100,{B},1\n", "row 2: the from-tract has no 11 digits"),
        (f"{A},,1\n", "row 1: the to-tract has no 11 digits"),
        (f"{A},{A}\n", "row 1: the row has 2 instead of 3 columns"),
    ],
)
def test_a_crosswalk_is_taken_whole_or_not_at_all(tmp_path: Path, rows: str, found: str) -> None:
    settings = settings_of(tmp_path, "from_geoid,to_geoid,weight\n" + rows)
    with pytest.raises(SourceError) as error:
        pull(settings)
    assert found in error.value.found


def test_a_difference_within_the_tolerance_is_none(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"from_geoid,to_geoid,weight\n{A},{A},0.5\n{A},{B},0.5000000005\n")
    assert pull(settings).rows_pulled == 2


def test_two_crosswalks_between_the_same_censuses_would_count_people_twice(tmp_path: Path) -> None:
    (one,) = settings_of(tmp_path, "from_geoid,to_geoid,weight\n").sources
    other = one.model_copy(update={"name": "other"})
    with pytest.raises(ValueError, match="counted twice"):
        Settings(data_dir=tmp_path, sources=(one, other))
    assert Settings(data_dir=tmp_path, sources=(one, other.model_copy(update={"from_vintage": 2020}))).sources
