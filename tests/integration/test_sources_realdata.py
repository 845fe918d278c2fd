"""The examples on real data: what is pulled equals what pandas counts in the same files."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.source_files import PATIENTS, frame, pull_all, query

REALDATA = os.environ.get("EQUITY_REALDATA")
pytestmark = pytest.mark.skipif(not REALDATA, reason="EQUITY_REALDATA names no folder of public data to run on")


def example(tmp_path: Path, name: str, **links: Path) -> Settings:
    """A copy of an example with links to the data where its settings expect them."""
    folder = tmp_path / name
    shutil.copytree(PROJECT_ROOT / "examples" / name, folder)
    for at, target in links.items():
        link = folder / at.replace("__", "/")
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(target)
    return load_settings(folder / "equity.toml")


@pytest.fixture(scope="module")
def nhanes(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = example(tmp_path_factory.mktemp("nhanes"), "nhanes", data=Path(str(REALDATA)) / "ehr/nhanes")
    pull_all(settings)
    return settings


@pytest.fixture(scope="module")
def nhanes_files() -> pd.DataFrame:
    folder = Path(str(REALDATA)) / "ehr/nhanes"
    cycles = []
    for letter, first_year in (("G", 2011), ("H", 2013), ("I", 2015)):
        people, diabetes, hba1c = (pd.read_csv(folder / f"{table}_{letter}.csv") for table in ("DEMO", "DIQ", "GHB"))
        joined = people.merge(diabetes[["SEQN", "DIQ010"]], how="left").merge(hba1c, how="left")
        cycles.append(joined.assign(first_year=first_year))
    return pd.concat(cycles, ignore_index=True)


def test_nhanes_tables_have_everybody(nhanes: Settings, nhanes_files: pd.DataFrame) -> None:
    counts = dict(
        query(nhanes, "select table_name, cast(sum(rows_pulled) as bigint) from raw.pull group by all order by all")
    )
    assert counts == {
        "conditions": int((nhanes_files["DIQ010"] == 1).sum()),
        "languages": len(nhanes_files),
        "observations": int(nhanes_files["LBXGH"].notna().sum()),
        "patients": len(nhanes_files),
        "race_ethnicity": len(nhanes_files),
    }
    assert query(nhanes, "select count(*) from raw.rejects") == [(0,)]


def test_nhanes_people_with_diabetes_by_race_sex_language_and_cycle(
    nhanes: Settings, nhanes_files: pd.DataFrame
) -> None:
    pulled = frame(
        nhanes,
        """select race.value as race, patients.sex, languages.language, race.capture_method,
            cast(year(cast(patients.enrolled_on as date)) as bigint) as first_year, count(*) as people,
            count(observations.value) as tested,
            cast(coalesce(sum(round(cast(observations.value as double) * 10)), 0) as bigint) as tenths
        from raw.conditions
        join raw.patients using (patient_id)
        join raw.race_ethnicity as race using (patient_id)
        join raw.languages using (patient_id)
        left join raw.observations using (patient_id)
        group by all order by all""",
    )
    told = nhanes_files[nhanes_files["DIQ010"] == 1]
    keys = ["race", "sex", "language", "capture_method", "first_year"]
    expected = (
        pd.DataFrame(
            {
                "race": told["RIDRETH3"].map(
                    {1: "hispanic", 2: "hispanic", 3: "white", 4: "black", 6: "asian", 7: "other_or_multiple"}
                ),
                "sex": told["RIAGENDR"].map({1: "M", 2: "F"}),
                "language": told["SIALANG"].map({1: "en", 2: "es"}),
                "capture_method": told["SIAPROXY"].map({1: "proxy", 2: "self"}),
                "first_year": told["first_year"],
                "value": told["LBXGH"],
                "tenths": (told["LBXGH"] * 10).round(),
            }
        )
        .groupby(keys)
        .agg(people=("race", "size"), tested=("value", "count"), tenths=("tenths", "sum"))
        .reset_index()
    )
    assert sorted(pulled.astype({"tenths": "int64"}).itertuples(index=False, name=None)) == sorted(
        expected[[*keys, "people", "tested", "tenths"]].astype({"tenths": "int64"}).itertuples(index=False, name=None)
    )
    assert pulled["people"].sum() == len(told) == 2301


def test_nhanes_ages_hold_in_the_second_year_of_a_cycle(nhanes: Settings, nhanes_files: pd.DataFrame) -> None:
    pulled = frame(
        nhanes,
        """select cast(patient_id as bigint) as patient_id,
            date_sub('year', cast(birth_date as date), cast(left_on as date)) as at_the_end,
            date_sub('year', cast(birth_date as date), date_trunc('year', cast(left_on as date))) as at_its_start
        from raw.patients order by 1""",
    )
    ages = nhanes_files.sort_values("SEQN")["RIDAGEYR"].astype("int64").to_list()
    assert pulled["at_the_end"].to_list() == ages
    assert pulled["at_its_start"].to_list() == ages


@pytest.fixture(scope="module")
def synthea(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = example(tmp_path_factory.mktemp("synthea"), "synthea", data=Path(str(REALDATA)) / "ehr/synthea_csv_27")
    pull_all(settings)
    return settings


def test_synthea_tables_have_everything(synthea: Settings) -> None:
    folder = Path(str(REALDATA)) / "ehr/synthea_csv_27"
    files = {path.stem: pd.read_csv(path, dtype=str) for path in folder.glob("*.csv")}
    patients, encounters, observations = files["patients"], files["encounters"], files["observations"]
    pulled = {
        table: query(synthea, f"select count(*) from raw.{table}")[0][0]
        for table in ("patients", "race_ethnicity", "encounters", "conditions", "observations")
    }
    assert pulled == {
        "patients": len(patients),
        "race_ethnicity": 2 * len(patients),
        "encounters": len(encounters),
        "conditions": len(files["conditions"]),
        "observations": len(observations),
    }
    values = dict(query(synthea, "select value, count(*) from raw.race_ethnicity group by all"))
    assert values == {
        **patients["RACE"].value_counts().to_dict(),
        **patients["ETHNICITY"].replace("nonhispanic", "not hispanic").value_counts().to_dict(),
    }
    classes = dict(query(synthea, "select encounter_class, count(*) from raw.encounters group by all"))
    by_class = encounters["ENCOUNTERCLASS"].value_counts()
    assert classes["ED"] == by_class["emergency"] and classes["inpatient"] == by_class["inpatient"]
    assert sum(classes.values()) == len(encounters) and set(classes) == {"ED", "inpatient", "outpatient"}
    columns = "patient_id, observed_on, value, unit"
    hba1c = query(synthea, f"select {columns} from raw.observations where code = '4548-4' order by all")
    rows = observations[observations["CODE"] == "4548-4"]
    assert hba1c == sorted(zip(rows["PATIENT"], rows["DATE"].str[:10], rows["VALUE"], rows["UNITS"], strict=True))
    assert query(synthea, "select count(*) - count(distinct observation_id) from raw.observations") == [(0,)]


def test_synthea_coverage_is_the_payer_of_the_last_encounter_of_a_day(synthea: Settings) -> None:
    folder = Path(str(REALDATA)) / "ehr/synthea_csv_27"
    encounters, payers = (
        pd.read_csv(folder / "encounters.csv", dtype=str),
        pd.read_csv(folder / "payers.csv", dtype=str),
    )
    named = encounters.merge(payers[["Id", "NAME"]], left_on="PAYER", right_on="Id", suffixes=("", "_payer"))
    named["day"] = named["START"].str[:10]
    last = named.sort_values(["START", "Id"], ascending=[False, True]).drop_duplicates(["PATIENT", "day"])
    pulled = query(synthea, "select patient_id, starts_on, payer from raw.coverage order by all")
    assert pulled == sorted(zip(last["PATIENT"], last["day"], last["NAME"], strict=True))


def test_synthea_cohort_codes_are_in_the_data(synthea: Settings) -> None:
    found = query(
        synthea,
        "select count(distinct patient_id) from raw.conditions, raw.run where list_contains(condition_prefixes, code)",
    )
    assert found == [(5,)]


def test_hamilton_tracts_and_their_measures(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    registry.mkdir()
    (registry / "patients.csv").write_text(PATIENTS, encoding="utf-8")
    area = Path(str(REALDATA)) / "area"
    settings = example(tmp_path, "hamilton", data__registry=registry, data__area=area)
    files: list[PulledFile] = [
        file for source in settings.sources for file in pull_source(source, settings, lambda _: None)
    ]
    acs = pd.read_csv(area / "acs_measures_hamilton_2023.csv", dtype={"census_tract_id_2020": str})
    index = pd.read_csv(area / "dep_index_us_tracts_2023.csv", dtype={"census_tract_id_2020": str})
    assert [file.rows_pulled for file in files] == [2, 2 * len(acs), len(index)]
    assert [file.rows_quarantined for file in files] == [0, 0, 0]
    rows = frame(
        settings,
        "select tract_geoid, measure, try_cast(value as double) as value from raw.tract_measures "
        "where tract_vintage = 2020 and data_year = 2023",
    )
    wide = rows.pivot(index="tract_geoid", columns="measure", values="value")
    for file, column, measure in (
        (acs, "prop_poverty", "poverty"),
        (acs, "n_persons_under_18", "child_population"),
        (index, "dep_index", "deprivation"),
    ):
        expected = file.set_index("census_tract_id_2020")[column].dropna()
        assert wide[measure].dropna().astype(float).to_dict() == expected.astype(float).to_dict()
    in_county = index[index["census_tract_id_2020"].str.startswith("39061")]
    assert set(in_county["census_tract_id_2020"]) == set(acs["census_tract_id_2020"])
    # The two files agree about the same tract, rounding apart.
    assert wide.loc["39061000200", "poverty"] == pytest.approx(0.4365)
