"""Sources of neighborhoods: tables of invented tracts in each published form, and a Census API on loopback."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cases.case import Case, Setup, files, lines, written

_TRACT = "lpad(cast(10001000000 + i as varchar), 11, '0')"
_FACTS = "tract_vintage = 2020\ndata_year = 2022\n"
_ACS_LABEL = "Estimate!!Percent below poverty level!!Population for whom poverty status is determined"
_COUNTIES = 40


def _tracts(folder: Path, n_records: int) -> None:
    """Three measures per tract."""
    written(
        folder,
        "index.csv",
        f"""select {_TRACT} as tract_geoid, 200 + i % 900 as child_population, (i % 61) / 100.0 as poverty_share,
            (i % 97) / 100.0 as deprivation_index from range({n_records // 3}) as tracts (i)""",
    )


def _svi(folder: Path, n_records: int) -> None:
    written(
        folder,
        "index.csv",
        f"""select {_TRACT} as "FIPS", (i % 997) / 1000.0 as "RPL_THEME1", -999 as "RPL_THEME3"
        from range({n_records}) as tracts (i)""",
    )


def _adi(folder: Path, n_records: int) -> None:
    """Four block groups per tract."""
    written(
        folder,
        "index.csv",
        f"""select i, 'G' || i as "GISJOIN", 100010000000 + i // 4 * 10 + i % 4 as "FIPS",
            if(i % 50 = 0, 'GQ', cast(1 + i % 100 as varchar)) as "ADI_NATRANK", 1 + i % 10 as "ADI_STATERNK",
            i % 900 as people from range({n_records}) as block_groups (i)""",
    )


def _coi(folder: Path, n_records: int) -> None:
    """Two years per tract, one of which is read."""
    written(
        folder,
        "index.csv",
        f"""select lpad(cast(10001000000 + i // 2 as varchar), 11, '0') as geoid20, 2021 + i % 2 as year,
            (i % 400 - 200) / 100.0 as "z_COI_nat" from range({n_records}) as tracts (i)""",
    )


def _dep_index(folder: Path, n_records: int) -> None:
    written(
        folder,
        "index.csv",
        f"""select {_TRACT} as census_tract_id_2020, (i % 97) / 100.0 as dep_index
        from range({n_records}) as tracts (i)""",
    )


def _acs(folder: Path, n_records: int) -> None:
    """A download as the Census web site makes it: a zip whose table has two header rows."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(
        f'"1400000US{10001000000 + i:011d}","Tract {i}","{i % 60}.5","{1 + i % 9}.5",""\n' for i in range(n_records)
    )
    margin = _ACS_LABEL.replace("Estimate", "Margin of Error")
    header = f'"GEO_ID","NAME","S1701_C03_001E","S1701_C03_001M",""\n"Geography","Name","{_ACS_LABEL}","{margin}",""\n'
    with zipfile.ZipFile(folder / "acs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ACSST5Y2022.S1701-Data.csv", "\ufeff" + header + rows)
    (folder / "records").write_text(f"{n_records}", encoding="utf-8")


def _noted(folder: Path) -> int:
    return int((folder / "records").read_text(encoding="utf-8"))


def _crosswalk(folder: Path, n_records: int) -> None:
    """Each tract in two parts."""
    written(
        folder,
        "index.csv",
        f"""select lpad(cast(10001000000 + i // 2 as varchar), 11, '0') as from_geoid, {_TRACT} as to_geoid,
            0.25 + 0.5 * (i % 2) as weight from range({n_records // 2 * 2}) as parts (i)""",
    )


def _nothing(folder: Path, n_records: int) -> None:
    """The Census API's answers are made when they are asked for: tracts of some counties."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records").write_text(f"{max(1, n_records // 200 // _COUNTIES) * _COUNTIES}", encoding="utf-8")


@contextmanager
def _census(folder: Path) -> Iterator[Setup]:
    """Every measure of each tract, from the server of the tests; a record is a tract with about 200 cells."""
    from tests.support import census_server

    per_county = _noted(folder) // _COUNTIES
    counties = [f"39{2 * number + 1:03d}" for number in range(_COUNTIES)]
    tracts = tuple(f"{county}{100 + number:06d}" for county in counties for number in range(per_county))
    with census_server.serving(census_server.CensusServer(year=2023, tracts=tracts)) as server:
        yield (
            f'type = "census_acs"\nyear = 2023\ncounties = {counties}\nbase_url = "{server.url}"\n',
            {"CENSUS_API_KEY": census_server.KEY},
        )


_MEASURES = """measures = [
    {measure = "child_population", column = "child_population", direction = "count"},
    {measure = "poverty", column = "poverty_share", direction = "higher_is_worse"},
    {measure = "deprivation", column = "deprivation_index", direction = "higher_is_worse"},
]"""
_ROWS = lines("index.csv", header=True)
_INDEX = 'path = "registry/index.csv"\n' + _FACTS
_ACS_COLUMN = (
    f'columns = [{{measure = "poverty", column = "S1701_C03_001", label = "{_ACS_LABEL}", '
    'direction = "higher_is_worse", divisor = 100}]\n'
)

CASES: dict[str, Case] = {
    "area_files": Case(
        _tracts,
        lambda folder: 3 * _ROWS(folder),
        files(f'type = "area_files"\n{_INDEX}tract_column = "tract_geoid"\n{_MEASURES}'),
    ),
    "acs_files": Case(
        _acs, _noted, files(f'type = "acs_files"\npath = "registry/acs.zip"\nyear = 2022\n{_ACS_COLUMN}')
    ),
    "census_acs": Case(_nothing, _noted, _census),
    "svi_files": Case(_svi, _ROWS, files(f'type = "svi_files"\n{_INDEX}')),
    "adi_files": Case(_adi, _ROWS, files(f'type = "adi_files"\n{_INDEX}release = "v4"\npopulation_column = "people"')),
    "coi_files": Case(_coi, _ROWS, files(f'type = "coi_files"\n{_INDEX}release = "3.0"')),
    "dep_index_files": Case(_dep_index, _ROWS, files(f'type = "dep_index_files"\n{_INDEX}')),
    "tract_crosswalk": Case(
        _crosswalk,
        _ROWS,
        files('type = "tract_crosswalk"\npath = "registry/index.csv"\nfrom_vintage = 2010\nto_vintage = 2020\n'),
    ),
}
