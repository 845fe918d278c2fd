"""Published indices: keys stay text, codes are missing with their reason, direction and edition stand on every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import SourceError
from orchestration.settings import AreaFilesSource, AreaMeasure, Settings, Source
from orchestration.settings_area import (
    AcsColumn,
    AcsFilesSource,
    AdiFilesSource,
    CoiFilesSource,
    DepIndexFilesSource,
    SviFilesSource,
)
from orchestration.sources.adi_files import CODES, FEW_RANKED, NOBODY, UNSURE
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.source_files import query

NOT_GIVEN = "not given in the file"
COLUMNS = "tract_geoid, measure, value, direction, missing_reason"


def settings_of(tmp_path: Path, source: Source) -> Settings:
    return Settings(data_dir=tmp_path / "var", sources=(source,))


def pull(settings: Settings) -> PulledFile:
    (file,) = pull_source(settings.sources[0], settings, lambda _: None)
    return file


def landed(settings: Settings, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
    return query(settings, f"select {columns} from raw.tract_measures order by all")


def rejects(settings: Settings) -> list[tuple[Any, ...]]:
    return query(settings, "select source_row, reason from raw.rejects order by all")


def written(tmp_path: Path, content: str, name: str = "index.csv") -> Path:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


# --- SVI ---------------------------------------------------------------------------------------------------------

SVI = 'ST,FIPS,LOCATION,RPL_THEME1,RPL_THEME3,RPL_THEMES\n01,01001020100,"Tract 201, A",0.5,0.9,0.7\n'


def svi(tmp_path: Path, content: str, **changes: Any) -> Settings:
    facts = {"name": "svi", "path": written(tmp_path, content), "tract_vintage": 2020, "data_year": 2022}
    return settings_of(tmp_path, SviFilesSource(**{**facts, **changes}))


def test_svi_theme_1_says_what_deprivation_is(tmp_path: Path) -> None:
    settings = svi(
        tmp_path, SVI + '39,39061000200,"x",-999,-999,-999\n39,39061000700,"x",1.2,0.1,0.1\n', also=("theme3",)
    )
    file = pull(settings)
    assert (file.rows_in, file.rows_pulled, file.rows_quarantined) == (6, 5, 1)
    missing = "the index has no rank for the tract (-999)"
    assert landed(settings) == [
        ("01001020100", "deprivation", "0.5", "higher_is_worse", None),
        ("01001020100", "svi_theme3", "0.9", "higher_is_worse", None),
        ("39061000200", "deprivation", None, "higher_is_worse", missing),
        ("39061000200", "svi_theme3", None, "higher_is_worse", missing),
        ("39061000700", "svi_theme3", "0.1", "higher_is_worse", None),
    ]
    assert rejects(settings) == [(3, "deprivation: value lies outside 0.0 to 1.0")]
    assert landed(settings, "distinct tract_vintage, data_year, release") == [(2020, 2022, "SVI 2022, us ranking")]


def test_svi_of_2010_spells_its_columns_otherwise(tmp_path: Path) -> None:
    settings = svi(tmp_path, "FIPS,R_PL_THEME1\n39061000200,0.25\n", tract_vintage=2010, data_year=2010)
    pull(settings)
    assert landed(settings, "value, tract_vintage") == [("0.25", 2010)]


@pytest.mark.parametrize("theme", ["theme3", "overall"])
def test_an_index_that_holds_race_never_groups_children(tmp_path: Path, theme: str) -> None:
    with pytest.raises(ValueError, match="race gaps compared within its fifths are circular"):
        svi(tmp_path, SVI, deprivation=theme)


@pytest.mark.parametrize("column", ["RPL_THEMES", "RPL_THEME3", "R_PL_THEMES", "rpl_theme3"])
def test_nor_does_it_by_way_of_an_area_file(tmp_path: Path, column: str) -> None:
    measure = AreaMeasure(measure="deprivation", column=column, direction="higher_is_worse")
    source = AreaFilesSource(
        name="x", path=tmp_path, tract_column="FIPS", tract_vintage=2020, data_year=2022, measures=(measure,)
    )
    with pytest.raises(ValueError, match="circular"):
        settings_of(tmp_path, source)


# --- ADI ---------------------------------------------------------------------------------------------------------

ADI = ",GISJOIN,FIPS,ADI_NATRANK,ADI_STATERNK,people\n"


def adi(tmp_path: Path, rows: str, **changes: Any) -> Settings:
    facts = {"name": "adi", "path": written(tmp_path, ADI + rows), "tract_vintage": 2020, "data_year": 2022}
    facts |= {"release": "v4.0.1", "population_column": "people"}
    return settings_of(tmp_path, AdiFilesSource(**{**facts, **changes}))


def test_block_groups_are_averaged_by_their_people(tmp_path: Path) -> None:
    rows = (
        # The leading zero of Alabama was lost on the way.
        '1,G,10010201001,40,3,300\n2,G,10010201002,80,9,100\n3,G,10010201003,"GQ","GQ",50\n'
        '4,G,390610002001,"PH","PH",20\n5,G,390610002002,"GQ-PH","GQ-PH",60\n'
        '6,G,390610007001,90,9,100\n7,G,390610007002,"QDI","QDI",101\n8,G,390610009001,"GQ","GQ",0\n'
        "9,G,390610010001,50,5,0\n"
    )
    settings = adi(tmp_path, rows, also=("state",))
    assert pull(settings).rows_in == 10
    assert landed(settings) == [
        ("01001020100", "adi_state", "4.5", "higher_is_worse", None),
        ("01001020100", "deprivation", "50.0", "higher_is_worse", None),
        *(("39061000200", name, None, "higher_is_worse", CODES["GQ-PH"]) for name in ("adi_state", "deprivation")),
        *(("39061000700", name, None, "higher_is_worse", FEW_RANKED) for name in ("adi_state", "deprivation")),
        *(("39061000900", name, None, "higher_is_worse", CODES["GQ"]) for name in ("adi_state", "deprivation")),
        *(("39061001000", name, None, "higher_is_worse", NOBODY) for name in ("adi_state", "deprivation")),
    ]
    assert landed(settings, "distinct release") == [("ADI 2022 v4.0.1",)]


def test_people_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    people = written(
        tmp_path, "GEOID,n\n010010201001,100\n010010201002,300\n010010201003,7\n010010201003,8\n", "bg.csv"
    )
    changes = {"population_file": people, "population_key_column": "GEOID", "population_column": "n"}
    settings = adi(tmp_path, "1,G,10010201001,40,3,\n2,G,10010201002,80,9,\n3,G,10010201003,9,9,\n", **changes)
    pull(settings)
    # A block group that stands twice in the file of people has no one number of them: who lives in the tract is open.
    assert landed(settings, "tract_geoid, value, missing_reason") == [("01001020100", None, UNSURE)]
    assert rejects(settings) == [(3, "there is no number of people for the block group")]
    written(tmp_path, "GEOID,n\n010010201001,1\n010010201002,1\n010010201003,1\n", "bg.csv")
    assert not pull(settings).skipped
    assert landed(settings, "value") == [("43.0",)]


def test_block_groups_that_cannot_be_averaged_are_set_aside(tmp_path: Path) -> None:
    rows = "1,G,390610002001,40,3,300\n2,G,390610002001,41,3,300\n3,G,39061000,1,1,5\n4,G,390610007002,101,3,5\n"
    rows += "5,G,390610009003,30,3,\n6,G,390610007004,30,3,10\n7,G,390610007005,30\n8,G,390610009001,50,5,100\n"
    settings = adi(
        tmp_path, rows + "9,G,390610010001,50,5,100\n10,G,390610010002,173,9,900\n11,G,390610011001,KVM,KVM,9\n"
    )
    pull(settings)
    assert landed(settings, "tract_geoid, value, missing_reason") == [
        ("39061000200", None, UNSURE),  # a block group stands twice: nobody knows which of its numbers is right
        ("39061000700", "30.0", None),  # 5 of 15 people have no rank that can be used
        ("39061000900", None, UNSURE),
        ("39061001000", None, FEW_RANKED),  # 900 of 1,000 have none: they are not forgotten
        ("39061001100", None, "code of another edition: KVM"),
    ]
    assert rejects(settings) == [
        (1, "block group stands on several rows"),
        (2, "block group stands on several rows"),
        (3, "block group key does not have 12 digits"),
        (4, "rank lies outside the index's range"),
        (5, "there is no number of people for the block group"),
        (7, "the row has 4 instead of 6 columns"),
        (10, "rank lies outside the index's range"),
    ]


def test_a_tract_file_needs_no_people_and_keeps_unknown_codes(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "census_tract_id_2020,adi\n01001020100,75.0\n39061000200,KVM\n39061000700,NA\n39061000900,<b>\n",
        "t.csv",
    )
    settings = adi(
        tmp_path, "", path=path, unit="tract", key_column="census_tract_id_2020", national_column="adi",
        population_column=None,
    )  # fmt: skip
    pull(settings)
    assert landed(settings) == [
        ("01001020100", "deprivation", "75.0", "higher_is_worse", None),
        ("39061000200", "deprivation", None, "higher_is_worse", "code of another edition: KVM"),
        ("39061000700", "deprivation", None, "higher_is_worse", NOT_GIVEN),
    ]
    assert rejects(settings) == [(4, "deprivation: value is not a number")]


def test_block_groups_without_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="population_column"):
        adi(tmp_path, "", population_column=None)


# --- COI ---------------------------------------------------------------------------------------------------------

COI = "geoid20,year,z_COI_nat,z_ED_nat\n"


def coi(tmp_path: Path, content: str, **changes: Any) -> Settings:
    facts = {"name": "coi", "path": written(tmp_path, content), "tract_vintage": 2020, "data_year": 2021}
    return settings_of(tmp_path, CoiFilesSource(**{**facts, "release": "3.0-2021", **changes}))


def test_coi_of_one_year_with_its_release(tmp_path: Path) -> None:
    content = COI + "01001020100,2020,-0.5,1\n01001020100,2021,-0.093,2\n39061000200,2021,,3\n"
    settings = coi(tmp_path, content, also=("education",))
    file = pull(settings)
    assert (file.rows_in, file.rows_left_out) == (4, 1)
    assert landed(settings) == [
        ("01001020100", "coi_education", "2", "higher_is_better", None),
        ("01001020100", "deprivation", "-0.093", "higher_is_better", None),
        ("39061000200", "coi_education", "3", "higher_is_better", None),
        ("39061000200", "deprivation", None, "higher_is_better", NOT_GIVEN),
    ]
    assert landed(settings, "distinct release, data_year") == [("COI 3.0-2021, 2021", 2021)]


def test_tracts_of_another_census_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="tracts of 2010"):
        pull(coi(tmp_path, COI + "01001020100,2021,1,1\n", tract_vintage=2010))
    with pytest.raises(SourceError, match="tracts are those of 2010"):
        pull(coi(tmp_path, COI + "01001020100,2021,1,1\n", tract_vintage=2010, tract_column="geoid20"))


# --- Deprivation index -------------------------------------------------------------------------------------------


def dep(tmp_path: Path, content: str, **changes: Any) -> Settings:
    facts = {"name": "dep", "path": written(tmp_path, content), "tract_vintage": 2020, "data_year": 2023}
    return settings_of(tmp_path, DepIndexFilesSource(**{**facts, "also": ("uninsured",), **changes}))


def test_insurance_changed_its_direction_between_editions(tmp_path: Path) -> None:
    of_2023 = dep(tmp_path, "census_tract_id_2020,dep_index_fraction_insured,dep_index\n06077003406,0.904,0.484\n")
    pull(of_2023)
    assert landed(of_2023) == [
        ("06077003406", "dep_index_insured", "0.904", "higher_is_better", None),
        ("06077003406", "deprivation", "0.484", "higher_is_worse", None),
    ]
    content = "census_tract_fips,fraction_no_health_ins,dep_index\n06077003406,0.096,0.484\n"
    of_2018 = dep(tmp_path, content, tract_vintage=2010, data_year=2018)
    pull(of_2018)
    assert landed(of_2018)[0] == ("06077003406", "dep_index_uninsured", "0.096", "higher_is_worse", None)


def test_the_zip_code_file_of_the_index_is_not_the_tract_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a key of the tracts of 2020"):
        pull(dep(tmp_path, "ZCTA5,dep_index\nNA,0.5\n45229,0.5\n"))


def test_an_index_outside_its_range_is_set_aside(tmp_path: Path) -> None:
    settings = dep(tmp_path, "census_tract_id_2020,dep_index\n39061000200,48.4\n39061000700,0.1\n", also=())
    assert pull(settings).rows_quarantined == 1


# --- One index says what deprivation is --------------------------------------------------------------------------


def test_two_indices_or_editions_are_never_mixed(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"path": tmp_path / "x.csv", "tract_vintage": 2020}
    of_2021 = CoiFilesSource(name="a", data_year=2021, release="3.0-2021", **facts)
    of_2023 = CoiFilesSource(name="b", data_year=2023, release="3.0-2023", **facts)
    index = DepIndexFilesSource(name="c", data_year=2023, **facts)
    mine = AreaFilesSource(
        name="d", tract_column="t", data_year=2023, **facts,
        measures=(AreaMeasure(measure="deprivation", column="own_index", direction="higher_is_worse"),),
    )  # fmt: skip
    downloaded = AcsFilesSource(
        name="e", path=tmp_path / "x.csv", year=2023,
        columns=(AcsColumn(measure="deprivation", column="A", label="Estimate", direction="higher_is_worse"),),
    )  # fmt: skip
    again = mine.model_copy(update={"name": "f"})
    for pair in ((of_2021, of_2023), (of_2021, index), (index, mine), (mine, again), (index, downloaded)):
        with pytest.raises(ValueError, match="no mix and no trend"):
            Settings(data_dir=tmp_path, sources=pair)
    beside = of_2021.model_copy(update={"deprivation": "none", "also": ("overall",)})
    assert len(Settings(data_dir=tmp_path, sources=(beside, of_2023)).sources) == 2


_COI = "geoid20,z_COI_nat\n39061000200,0.5\n"
_DEP = "census_tract_id_2020,dep_index\n39061000200,0.5\n"


def test_an_index_that_does_not_say_what_deprivation_is_keeps_its_main_score(tmp_path: Path) -> None:
    beside = {
        "svi_theme1": svi(tmp_path / "svi", SVI, deprivation="none"),
        "adi_national": adi(tmp_path / "adi", "1,G,390610002001,50,3,300\n", deprivation="none"),
        "coi_overall": coi(tmp_path / "coi", _COI, deprivation="none"),
        "dep_index": dep(tmp_path / "dep", _DEP, deprivation="none", also=()),
    }
    for measure, settings in beside.items():
        assert pull(settings).rows_pulled == 1
        assert landed(settings, "measure, cast(value as double)")[0][0] == measure
        assert landed(settings, "cast(value as double)")[0][0] in (0.5, 50)


def test_one_index_says_what_deprivation_is_and_another_stands_beside(tmp_path: Path) -> None:
    feeding = coi(tmp_path / "coi", _COI).sources[0]
    beside = dep(tmp_path / "dep", _DEP, deprivation="none", also=()).sources[0]
    settings = Settings(data_dir=tmp_path / "var", sources=(feeding, beside))
    for source in settings.sources:
        pull_source(source, settings, lambda _: None)
    assert landed(settings, "source_name, measure") == [(feeding.name, "deprivation"), (beside.name, "dep_index")]


@pytest.mark.parametrize("key", ["1001020100", "1001020100.0", "01001020100"])
def test_every_index_gives_a_tract_its_leading_zero_back(tmp_path: Path, key: str) -> None:
    # "1001020100" is of Alabama, state 01.
    keyed = [
        svi(tmp_path / "svi", SVI.replace("01001020100", key)),
        adi(tmp_path / "adi", f"1,G,{key},50,3,300\n", unit="tract"),
        coi(tmp_path / "coi", _COI.replace("39061000200", key)),
        dep(tmp_path / "dep", _DEP.replace("39061000200", key), also=()),
    ]
    for settings in keyed:
        assert pull(settings).rows_pulled == 1
        assert landed(settings, "tract_geoid") == [("01001020100",)]
