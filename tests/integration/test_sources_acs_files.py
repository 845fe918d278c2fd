"""Tables downloaded from the Census web site: two header rows, symbols, labels of several vintages, Connecticut."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from orchestration.cli.findings import findings
from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_area import AcsColumn, AcsFilesSource
from orchestration.sources.acs_values import OPEN_INTERVAL
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.source_files import query

LABEL = "Estimate!!Percent below poverty level!!Population!!AGE!!Under 18 years"
POOR = AcsColumn(measure="poverty", column="S1701_C03_002", label=LABEL, direction="higher_is_worse", divisor=100)
CODES = '"GEO_ID","NAME","S1701_C03_002E","S1701_C03_002M",""\n'
LABELS = f'"Geography","Geographic Area Name","{LABEL}","{LABEL.replace("Estimate", "Margin of Error")}",""\n'
TRACT = '"1400000US39061000200","Tract 2; Hamilton","{}","{}",""\n'


def settings_of(tmp_path: Path, rows: str, header: str = CODES + LABELS, **changes: Any) -> Settings:
    path = tmp_path / "ACSST5Y2023.S1701_2026-01-01.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ACSST5Y2023.S1701-Data.csv", "\ufeff" + header + rows)
        archive.writestr("ACSST5Y2023.S1701-Column-Metadata.csv", '"Column Name","Label"\n')
    source = AcsFilesSource(name="acs", **{"path": path, "year": 2023, "columns": (POOR,), **changes})
    return Settings(data_dir=tmp_path / "var", sources=(source,))


def pull(settings: Settings) -> PulledFile:
    (file,) = pull_source(settings.sources[0], settings, lambda _: None)
    return file


def landed(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    return query(settings, f"select {columns} from raw.tract_measures order by all")


def test_a_row_is_a_share_with_its_margin(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, TRACT.format("43.6", "9.5") + '"0500000US39061","Hamilton","15.0","0.5",""\n')
    assert (pull(settings).rows_pulled, pull(settings).skipped) == (2, True)
    columns = "tract_geoid, area_level, value, moe, is_unreliable, tract_vintage, data_year, _source_row"
    assert landed(settings, columns) == [
        ("39061", "county", "0.15", "0.005", False, 2020, 2023, 2),
        ("39061000200", "tract", "0.436", "0.095", False, 2020, 2023, 1),
    ]


@pytest.mark.parametrize(
    ("estimate", "margin", "expected"),
    [
        ("-", "**", (None, None, None, "too few sample observations to compute it")),
        ("N", "N", (None, None, None, "too few sample cases in the area to show it")),
        ("(X)", "(X)", (None, None, None, "not applicable or not available")),
        ("null", "null", (None, None, None, "not applicable or not available")),
        ("250,000+", "***", (None, None, None, OPEN_INTERVAL)),
        ("2,500-", "***", (None, None, None, OPEN_INTERVAL)),
        ("12.5", "*****", ("0.125", "0.0", False, None)),
        ("12.5", "**", ("0.125", None, True, None)),
        ("0.0", "12.0", ("0.0", "0.12", True, None)),
        ("0.0", "0.0", ("0.0", "0.0", False, None)),
        ("10.0", "8.0", ("0.1", "0.08", True, None)),
        # Numbers that are codes, as the interface and extracts of it have them.
        ("-666666666", "-222222222", (None, None, None, "too few sample observations to compute it")),
        ("-888888888.0", "-888888888", (None, None, None, "code of the census: -888888888.0")),
        ("-777777777", "1", (None, "0.01", None, "code of the census: -777777777")),
        ("12.5", "-555555555", ("0.125", "0.0", False, None)),
        ("12.5", "-222222222", ("0.125", None, True, None)),
    ],
)
def test_symbols(tmp_path: Path, estimate: str, margin: str, expected: tuple[Any, ...]) -> None:
    settings = settings_of(tmp_path, TRACT.format(estimate, margin))
    pull(settings)
    assert landed(settings, "value, moe, is_unreliable, missing_reason") == [expected]


def test_what_is_no_symbol_is_set_aside(tmp_path: Path) -> None:
    rows = TRACT.format("about 5", "1") + TRACT.replace("000200", "000700").format("5", "±1")
    settings = settings_of(tmp_path, rows + TRACT.replace("000200", "000900").format("5", "1"))
    assert pull(settings).rows_pulled == 1
    assert query(settings, "select source_row, reason from raw.rejects order by 1") == [
        (1, "poverty: value is not a number"),
        (2, "poverty: margin of error is not a number"),
    ]


@pytest.mark.parametrize(
    "label",
    [
        "Percent below poverty level!!Estimate!!Population!!AGE!!Under 18 years",
        "Estimate!!Percent below poverty level:!!Population:!!AGE:!!Under 18 years",
    ],
)
def test_the_label_of_another_vintage_is_the_same_line(tmp_path: Path, label: str) -> None:
    settings = settings_of(tmp_path, TRACT.format("1", "1"), CODES + LABELS.replace(LABEL, label))
    assert pull(settings).rows_pulled == 1


@pytest.mark.parametrize(
    ("header", "rule", "found"),
    [
        (CODES + LABELS.replace("Under 18", "18 to 64"), "S1701_C03_002E is", "18 to 64 years"),
        (CODES.replace("C03_002E", "C03_003E") + LABELS, "the table has the column S1701_C03_002E", "S1701_C03_003"),
    ],
)
def test_a_line_that_moved_is_found_out(tmp_path: Path, header: str, rule: str, found: str) -> None:
    with pytest.raises(SourceError) as error:
        pull(settings_of(tmp_path, TRACT.format("1", "1"), header))
    assert rule in error.value.rule and found in error.value.found


@pytest.mark.parametrize(
    ("year", "county", "reason"),
    [
        (2023, "09120", None),
        (2023, "09001", "Connecticut tract is keyed by an old county, though these data have planning regions"),
        (2021, "09001", None),
        (2021, "09120", "Connecticut tract is keyed by a planning region, though these data are older"),
    ],
)
def test_connecticut(tmp_path: Path, year: int, county: str, reason: str | None) -> None:
    rows = TRACT.replace("39061", county).format("1", "1") + TRACT.format("1", "1")
    settings = settings_of(tmp_path, rows, year=2023)
    path = settings.sources[0].path.rename(tmp_path / "table.zip")  # type: ignore[union-attr]
    with zipfile.ZipFile(path) as archive:
        content = archive.read("ACSST5Y2023.S1701-Data.csv")
    (tmp_path / "table.csv").write_bytes(content)
    source = settings.sources[0].model_copy(update={"path": tmp_path / "table.csv", "year": year})
    settings = settings.model_copy(update={"sources": (source,)})
    pull(settings)
    expected = [] if reason is None else [(1, f"poverty: {reason}")]
    assert query(settings, "select source_row, reason from raw.rejects") == expected


def test_other_areas_are_set_aside(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, TRACT.format("1", "1") + '"8600000US45229","ZCTA5 45229","1","1",""\n')
    assert pull(settings).rows_quarantined == 1


def test_files_that_are_not_such_a_download(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, TRACT.format("1", "1"))
    source = settings.sources[0]
    with pytest.raises(SourceError, match="the table is of 2022"):
        pull_source(source.model_copy(update={"year": 2022}), settings, lambda _: None)
    whole = source.path.read_bytes()  # type: ignore[union-attr]
    source.path.write_bytes(whole[: len(whole) // 2])  # type: ignore[union-attr]
    with pytest.raises(SourceError, match="a whole zip"):
        pull(settings)
    with zipfile.ZipFile(source.path, "w") as archive:  # type: ignore[union-attr]
        archive.writestr("notes.txt", "x")
    with pytest.raises(SourceError, match="0 of them among 1 files"):
        pull(settings)


def test_doctor_opens_the_download_and_says_what_the_pull_would(tmp_path: Path) -> None:
    rows = TRACT.format("43.6", "9.5")

    def state(settings: Settings) -> tuple[str, str]:
        (found,) = [finding for finding in findings(settings) if finding.what == "source acs"]
        return found.state, found.words

    assert state(settings_of(tmp_path, rows))[0] == "ok"
    other_year = state(settings_of(tmp_path, rows, year=2022))
    assert other_year[0] == "wrong" and "as `year` says" in other_year[1]
    other_label = state(settings_of(tmp_path, rows, columns=(POOR.model_copy(update={"label": "Another"}),)))
    assert other_label[0] == "wrong"
