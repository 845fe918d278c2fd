"""Area files: tract keys stay text, and a value that is none is told apart from one that is missing."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import EquityError, SettingsError, SourceError
from orchestration.settings import AreaFilesSource, AreaMeasure, Settings
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.source_files import query

MEASURES = (
    AreaMeasure(measure="child_population", column="children", direction="count"),
    AreaMeasure(measure="poverty", column="poor", direction="higher_is_worse", missing_tokens=("", "-", "-666666666")),
    AreaMeasure(measure="children_by_race", column="n_aian", direction="count", category="aian"),
)
HEADER = "GEOID,children,poor,n_aian,name\n"


def settings_of(tmp_path: Path, content: str | bytes, **changes: Any) -> Settings:
    path = tmp_path / "tracts.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    facts: dict[str, Any] = {"tract_column": "geoid", "tract_vintage": 2020, "data_year": 2023, "measures": MEASURES}
    source = AreaFilesSource(name="acs", path=path, **{**facts, **changes})
    return Settings(data_dir=tmp_path / "var", sources=(source,))


def pull(settings: Settings) -> PulledFile:
    (file,) = pull_source(settings.sources[0], settings, lambda _: None)
    return file


def test_one_row_per_tract_and_measure(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, HEADER + "01001020100,200,0.25,3,x\n39061000200, 7 ,-666666666,,y\n")
    assert (pull(settings).rows_in, pull(settings).skipped) == (6, True)
    columns = "source_name, tract_geoid, tract_vintage, data_year, measure, category, value, direction, _source_row"
    rows = query(settings, f"select {columns}, _source_file from raw.tract_measures order by _source_row, measure")
    file = "acs/tracts.csv"
    assert rows == [
        ("acs", "01001020100", 2020, 2023, "child_population", "", "200", "count", 1, file),
        ("acs", "01001020100", 2020, 2023, "children_by_race", "aian", "3", "count", 1, file),
        ("acs", "01001020100", 2020, 2023, "poverty", "", "0.25", "higher_is_worse", 1, file),
        ("acs", "39061000200", 2020, 2023, "child_population", "", "7", "count", 2, file),
        ("acs", "39061000200", 2020, 2023, "children_by_race", "aian", None, "count", 2, file),
        ("acs", "39061000200", 2020, 2023, "poverty", "", None, "higher_is_worse", 2, file),
    ]


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("1001020100,1,2,3,x", "tract key has 10 digits, so a leading zero was lost"),
        ("390610002001,1,2,3,x", "tract key has 12 digits instead of 11"),
        ("1400000US39061000200,1,2,3,x", "tract key is not made of digits only"),
        (",1,2,3,x", "tract key is missing"),
        ("39061000300,1,2,3", "the row has 4 instead of 5 columns"),
        (b"39061000300,1,\xe9,3,x", "the row is not UTF-8"),
    ],
)
def test_a_key_that_says_nothing_sets_the_whole_row_aside(tmp_path: Path, row: str | bytes, reasons: str) -> None:
    line = row.encode() if isinstance(row, str) else row
    settings = settings_of(tmp_path, HEADER.encode() + line + b"\n39061000200,1,0.5,3,x\n")
    file = pull(settings)
    assert (file.rows_in, file.rows_pulled, file.rows_quarantined) == (6, 3, 3)
    assert query(settings, "select distinct tract_geoid, _source_row from raw.tract_measures") == [("39061000200", 2)]
    rejects = query(settings, "select source_row, reason from raw.rejects order by reason")
    assert rejects == [(1, f"{label}: {reasons}") for label in ("child_population", "children_by_race aian", "poverty")]


def test_bytes_that_are_not_utf8_in_a_column_that_is_not_used_do_not_matter(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, HEADER.encode() + b"39061000200,1,0.5,3,\xe9\n39061000300,1\n")
    assert pull(settings).rows_pulled == 3


@pytest.mark.parametrize("code", ["-666666666", "-888888888", "-222222222.0", "-999999999"])
def test_numbers_that_are_codes_of_the_census_are_no_values(tmp_path: Path, code: str) -> None:
    settings = settings_of(tmp_path, HEADER + f"39061000200,5,{code},3,x\n39061000300,5,0.5,3,x\n")
    assert pull(settings).rows_quarantined == 0
    found = query(settings, "select value, missing_reason is null from raw.tract_measures where measure = 'poverty'")
    assert sorted(found, key=str) == [("0.5", True), (None, False)]


def test_a_file_in_percent_has_a_divisor(tmp_path: Path) -> None:
    percent = AreaMeasure(measure="poverty", column="poor", direction="higher_is_worse", divisor=100)
    settings = settings_of(tmp_path, HEADER + "39061000200,5,43.6,3,x\n", measures=(percent,))
    pull(settings)
    assert query(settings, "select value from raw.tract_measures") == [("0.436",)]


@pytest.mark.parametrize("value", ["n/a", "1;2", "inf", "nan", '"1,234"', "(X)"])
def test_what_is_not_a_number_is_set_aside_alone(tmp_path: Path, value: str) -> None:
    settings = settings_of(tmp_path, HEADER + f"39061000200,5,{value},3,x\n")
    assert pull(settings).rows_quarantined == 1
    assert query(settings, "select reason from raw.rejects") == [("poverty: value is not a number",)]
    assert query(settings, "select count(*) from raw.tract_measures") == [(2,)]


def test_a_tract_that_stands_twice(tmp_path: Path) -> None:
    same, other = "39061000200,5,0.5,3,x\n", "39061000300,{},0.5,3,x\n"
    settings = settings_of(tmp_path, HEADER + same + same + other.format(1) + other.format(2))
    assert pull(settings).rows_pulled == 3
    assert query(
        settings, "select distinct source_row, reason from raw.rejects where reason like 'poverty%' order by 1"
    ) == [
        (2, "poverty: tract repeats an earlier row"),
        (3, "poverty: tract stands on several rows that differ"),
        (4, "poverty: tract stands on several rows that differ"),
    ]


def test_another_vintage_or_column_pulls_anew(tmp_path: Path) -> None:
    content = HEADER + "39061000200,5,0.5,3,x\n"
    pull(settings_of(tmp_path, content))
    other = settings_of(tmp_path, content, tract_vintage=2010)
    assert not pull(other).skipped
    assert query(other, "select distinct tract_vintage from raw.tract_measures") == [(2010,)]


@pytest.mark.parametrize(
    ("content", "changes", "kind", "where", "found"),
    [
        ("", {}, SourceError, "acs/tracts.csv", "0 bytes"),
        ("GEOID,children,poor\n1,2,3\n", {}, SourceError, "acs/tracts.csv", "3 columns: GEOID, children, poor"),
        (HEADER, {"tract_column": "tract"}, SourceError, "acs/tracts.csv", "5 columns"),
        (HEADER + "1001020100,1,2,3,x\n", {}, SourceError, "acs/tracts.csv", "none of 3; the first: row 1"),
        (
            HEADER,
            {"measures": MEASURES + MEASURES[:1]},
            SettingsError,
            "source acs, measures",
            "child_population twice",
        ),
        (HEADER, {"measures": ()}, SettingsError, "source acs, measures", "none"),
    ],
)
def test_errors_name_file_rule_and_remedy(
    tmp_path: Path, content: str, changes: dict[str, Any], kind: type[EquityError], where: str, found: str
) -> None:
    with pytest.raises(kind) as error:
        pull(settings_of(tmp_path, content, **changes))
    assert where in error.value.where and found in error.value.found and error.value.remedy


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, HEADER)
    (tmp_path / "tracts.csv").unlink()
    with pytest.raises(SourceError, match="the file must exist"):
        pull(settings)


def test_a_header_alone_is_an_area_without_tracts(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, HEADER)
    assert pull(settings).rows_in == 0
    assert query(settings, "select count(*) from raw.tract_measures") == [(0,)]
