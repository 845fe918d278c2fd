"""The public sample of a bulk export goes through the whole job; what arrives equals a plain reading of its JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pandas as pd
import pytest

from orchestration.settings import Settings
from tests.support.real_runs import REALDATA, ask, real_folder, run_example

pytestmark = pytest.mark.skipif(not REALDATA, reason="EQUITY_REALDATA names no folder of public data to run on")
SAMPLE = "ehr/fhir_bulk_10"
CLASSES = {"AMB": "outpatient", "EMER": "ED", "IMP": "inpatient", "HH": "outpatient", "VR": "outpatient"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return run_example("fhir", tmp_path_factory.mktemp("fhir"), {"export": real_folder(SAMPLE)})


def resources(kind: str) -> list[dict[str, Any]]:
    lines = (real_folder(SAMPLE) / f"{kind}.000.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_no_resource_is_lost(run: Settings) -> None:
    found = {table: (used, quarantined) for table, used, quarantined in ask(
        run, "select table_name, rows_used, rows_quarantined from fct_conservation"
    )}  # fmt: skip
    people = resources("Patient")
    assert len(people) >= 10
    assert found == {
        "patients": (len(people), 0),
        "race_ethnicity": (2 * len(people), 0),
        "languages": (sum(len(person["communication"]) for person in people), 0),
        "addresses": (sum(len(person["address"]) for person in people), 0),
        "encounters": (len(resources("Encounter")), 0),
        "conditions": (len(resources("Condition")), 0),
    }


def test_people(run: Settings) -> None:
    def omb(person: dict[str, Any], name: str) -> str:
        (extension,) = [each for each in person["extension"] if each["url"].endswith(name)]
        (code,) = [part["valueCoding"]["code"] for part in extension["extension"] if part["url"] == "ombCategory"]
        return str(code)

    expected = sorted(
        (
            person["id"],
            person["birthDate"],
            {"male": "M", "female": "F"}[person["gender"]],
            person.get("deceasedDateTime", "")[:10],
            omb(person, "us-core-race"),
            omb(person, "us-core-ethnicity"),
        )
        for person in resources("Patient")
    )
    found = ask(
        run,
        """select patient_id, birth_date, sex, coalesce(death_date, ''),
            max(value) filter (where value not in ('2135-2', '2186-5')),
            max(value) filter (where value in ('2135-2', '2186-5'))
        from raw.patients inner join raw.race_ethnicity using (patient_id) group by all order by all""",
    )
    assert found == expected


def test_encounters_by_person_class_and_reason(run: Settings) -> None:
    expected = Counter(
        (
            each["subject"]["reference"].removeprefix("Patient/"),
            CLASSES[each["class"]["code"]],
            each["period"]["start"][:10],
            each["period"]["end"][:10],
        )
        for each in resources("Encounter")
    )
    found = ask(
        run,
        """select patient_id, map.encounter_class, starts_on, ends_on
        from raw.encounters as visit
        inner join encounter_class_map as map on lower(visit.encounter_class) = map.value""",
    )
    assert Counter(found) == expected
    reasons = Counter(
        each["reasonCode"][0]["coding"][0]["code"] for each in resources("Encounter") if "reasonCode" in each
    )
    coded = dict(ask(run, "select primary_dx, count(*) from raw.encounters group by all"))
    assert {code: coded.get(code, 0) >= n for code, n in reasons.items()} == dict.fromkeys(reasons, True)


def test_conditions(run: Settings) -> None:
    expected = Counter(
        (
            each["subject"]["reference"].removeprefix("Patient/"),
            each["code"]["coding"][0]["code"],
            each["onsetDateTime"][:10],
        )
        for each in resources("Condition")
    )
    assert Counter(ask(run, "select patient_id, code, onset_on from raw.conditions")) == expected


def test_sites_come_from_the_encounters(run: Settings) -> None:
    """These patients name no managing organization: it is the one that saw them most often."""
    names = Counter(each["name"] for each in resources("Organization"))
    visits: dict[str, Counter[str]] = {}
    for each in resources("Encounter"):
        person = each["subject"]["reference"].removeprefix("Patient/")
        visits.setdefault(person, Counter())[each["serviceProvider"]["display"]] += 1
    sites = dict(ask(run, "select patient_id, site_id from raw.patients"))
    clear = {
        person: of_person.most_common(1)[0][0]
        for person, of_person in visits.items()
        if len({n for _, n in of_person.most_common(2)}) == 2 and names[of_person.most_common(1)[0][0]] == 1
    }
    assert len(clear) >= 5
    assert {person: sites[person] for person in clear} == clear


def test_the_few_people_are_not_shown(run: Settings) -> None:
    strata = pd.read_parquet(run.releases_dir / "current" / "tables" / "strata.parquet")
    assert len(strata)
    assert set(strata.loc[strata["disclosure_status"] == "published", "numerator"]) <= {0}
