"""The public OMOP files as rows of the registry layout, read with pandas alone, for an independent recount."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.support.tiny_warehouse import Row

RACE = {8527: "white", 8516: "black", 8515: "asian"}
# Words of the file's `race_source_value`, where its concept is 0.
WORDS = {"hispanic": "hispanic", "native": "native", "other": "other", "Unknown": "unknown"}
HISPANIC = ("dominican",)  # origins that the file gave concept 0, beside those that it gave 38003563
VISITS = {9201: "inpatient", 9202: "outpatient", 9203: "ED"}


def read(folder: Path, table: str) -> pd.DataFrame:
    """One table, everything as text."""
    return pd.read_csv(folder / f"{table.upper()}.csv.gz", dtype="str", keep_default_na=False)


def layout_rows(folder: Path) -> dict[str, list[Row]]:
    """The rows of each table of the layout, in the order of the files."""
    person, concept = read(folder, "person"), read(folder, "concept")
    periods = read(folder, "observation_period").set_index("person_id")
    deaths = read(folder, "death").set_index("person_id")["death_date"]
    codes = dict(zip(concept["concept_id"], concept["concept_code"], strict=True))
    loinc = concept[concept["vocabulary_id"] == "LOINC"].set_index("concept_id")["concept_code"].to_dict()
    person_id = person["person_id"]
    birth = (
        person["year_of_birth"]
        + "-"
        + person["month_of_birth"].str.zfill(2)
        + "-"
        + person["day_of_birth"].str.zfill(2)
    )
    patients = pd.DataFrame(
        {
            "patient_id": person_id,
            "birth_date": birth,
            "sex": person["gender_concept_id"].map({"8507": "M", "8532": "F"}),
            "enrolled_on": person_id.map(periods["observation_period_start_date"]),
            "left_on": person_id.map(periods["observation_period_end_date"]),
            "death_date": person_id.map(deaths),
        }
    )
    race = person["race_concept_id"].astype(int).map(RACE).fillna(person["race_source_value"].map(WORDS))
    is_hispanic = (person["ethnicity_concept_id"] == "38003563") | person["ethnicity_source_value"].isin(HISPANIC)
    ethnicity = person["ethnicity_source_value"].where(~is_hispanic, "hispanic")
    visits, conditions, results = (
        read(folder, table) for table in ("visit_occurrence", "condition_occurrence", "measurement")
    )
    frames = {
        "patients": patients,
        "race_ethnicity": pd.concat(
            [
                pd.DataFrame({"patient_id": person_id, "source_system": "ehr", "value": value})
                for value in (race, ethnicity)
            ]
        ),
        "encounters": pd.DataFrame(
            {
                "encounter_id": visits["visit_occurrence_id"],
                "patient_id": visits["person_id"],
                "encounter_class": visits["visit_concept_id"].astype(int).map(VISITS),
                "starts_on": visits["visit_start_date"],
                "ends_on": visits["visit_end_date"],
            }
        ),
        "conditions": pd.DataFrame(
            {
                "patient_id": conditions["person_id"],
                "code": conditions["condition_source_concept_id"]
                .where(conditions["condition_source_concept_id"] != "0")
                .map(codes)
                .fillna(conditions["condition_source_value"]),
                "onset_on": conditions["condition_start_date"],
            }
        ),
        "observations": pd.DataFrame(
            {
                "observation_id": results["measurement_id"],
                "patient_id": results["person_id"],
                "code": results["measurement_concept_id"].map(loinc).fillna(results["measurement_source_value"]),
                "observed_on": results["measurement_date"],
                "value": results["value_as_number"],
            }
        ),
    }
    return {
        table: [
            {str(column): None if pd.isna(value) else str(value) for column, value in row.items()}
            for row in frame.to_dict("records")
        ]
        for table, frame in frames.items()
    }
