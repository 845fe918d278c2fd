"""A small invented registry that is rich in edge cases and faults, written row by row; nothing here knows a rule."""

from __future__ import annotations

import datetime as dt
from random import Random

from tests.support.small_registry_faults import spoil
from tests.support.tiny_warehouse import Row, Run

RUN = Run(
    window_starts_on=dt.date(2024, 5, 1),  # 26 months: quarters and years begin two months later
    window_ends_on=dt.date(2026, 6, 30),
    as_of=dt.date(2026, 7, 9),
    catchment_counties=("99001",),
)

TRACTS_2020 = [f"99001{number:06d}" for number in range(100, 1500, 100)] + ["99003000100", "99003000200"]
TRACTS_2010 = [f"99001{number:06d}" for number in range(9100, 9700, 100)]
RACES = (
    "2106-3",
    "2054-5",
    "2028-9",
    "2118-8",
    "1002-5",
    "2076-8",
    "2131-1",
    "White",
    "Asian",
    "black",
    "Middle Eastern or North African",
)
NOT_KNOWN = ("ASKU", "unknown", "declined", "Refused", "not_asked", None, "Klingon")


def small_registry(n_patients: int, seed: int) -> dict[str, list[Row]]:
    """Rows of every table of the registry layout and of the area table for `n_patients` children."""
    random = Random(seed)
    tables: dict[str, list[Row]] = {
        name: []
        for name in (
            "patients",
            "race_ethnicity",
            "languages",
            "addresses",
            "coverage",
            "encounters",
            "conditions",
            "observations",
        )
    }
    for number in range(n_patients):
        _child(random, f"P{number:04d}", tables)
    tables["tract_measures"] = _area(random)
    spoil(random, tables, RUN)
    return tables


def _child(random: Random, patient_id: str, tables: dict[str, list[Row]]) -> None:
    born = _birth_date(random)
    found = min(born + dt.timedelta(days=random.randint(200, 7000)), dt.date(2026, 5, 20))
    found = max(found, born)
    enrolled = random.choice([None, found, found + dt.timedelta(days=random.randint(-40, 400))])
    if enrolled is not None:
        enrolled = min(max(enrolled, born), RUN.as_of)
    first = max(enrolled or found, born)
    left = random.choice([*[None] * 4, _day(random, first), _month_end(random)])
    if left is not None and enrolled is not None and left < enrolled:
        left = None
    tables["patients"].append(
        {
            "patient_id": patient_id,
            "birth_date": born,
            "sex": random.choice(["F", "M", "female", "Male", "X", "U", None, "zz", " f "]),
            "site_id": random.choice(["north", "south", "south", "east", "east", "east", None, " "]),
            "enrolled_on": enrolled,
            "left_on": left,
            "death_date": _day(random, first) if random.random() < 0.04 else None,
        }
    )
    _conditions(random, patient_id, found, tables["conditions"])
    _race(random, patient_id, tables["race_ethnicity"])
    _languages(random, patient_id, tables["languages"])
    _spans(random, patient_id, tables)
    _encounters(random, patient_id, born, found, tables["encounters"])
    _results(random, patient_id, max(born, found - dt.timedelta(days=400)), tables["observations"])


def _birth_date(random: Random) -> dt.date:
    kind = random.random()
    if kind < 0.08:
        return dt.date(random.choice([2004, 2008, 2012, 2016, 2020]), 2, 29)
    if kind < 0.2:  # turns 6, 12, 18 or 21 in the window, on a first or last day of a month
        year = random.choice([2024, 2025, 2026]) - random.choice([6, 12, 18, 21])
        return random.choice(
            [dt.date(year, 6, 30), dt.date(year, 7, 1), dt.date(year, 2, 28), dt.date(year, 3, 1), dt.date(year, 1, 31)]
        )
    return dt.date(2004, 1, 1) + dt.timedelta(days=random.randint(0, 365 * 20))


def _day(random: Random, first: dt.date) -> dt.date:
    first = max(first, dt.date(2023, 11, 1))
    return first + dt.timedelta(days=random.randint(0, max((dt.date(2026, 7, 5) - first).days, 0)))


def _month_end(random: Random) -> dt.date:
    return (
        dt.date(2026, 7, 1) - dt.timedelta(days=1)
        if random.random() < 0.2
        else dt.date(2025, random.randint(1, 12), 1) - dt.timedelta(days=1)
    )


def _conditions(random: Random, patient_id: str, found: dt.date, rows: list[Row]) -> None:
    if random.random() < 0.05:
        rows.append({"patient_id": patient_id, "code": "E10.A1", "onset_on": found - dt.timedelta(days=1)})
    if random.random() < 0.03:
        rows.append({"patient_id": patient_id, "code": "E11.9", "onset_on": found})
        return
    rows.append(
        {
            "patient_id": patient_id,
            "code": random.choice(["E10.9", "e10.65", "E10.10 "]),
            "onset_on": f"{found}T08:15:00",
        }
    )
    if random.random() < 0.3:
        rows.append(
            {"patient_id": patient_id, "code": "E10.9", "onset_on": min(found + dt.timedelta(days=30), RUN.as_of)}
        )


def _race(random: Random, patient_id: str, rows: list[Row]) -> None:
    def add(value: str | None, source: str | None, method: str | None = "proxy") -> None:
        standard = random.choice(["omb1997", "omb2024", "OMB2024", None])
        recorded = None if random.random() < 0.2 else dt.date(2026, 6, 1) + dt.timedelta(days=random.randint(0, 29))
        rows.append(
            {
                "patient_id": patient_id,
                "source_system": source,
                "value": value,
                "standard": standard,
                "capture_method": method,
                "recorded_on": recorded,
            }
        )

    kind = random.random()
    if kind < 0.36:  # the one combination that is frequent enough to stand by name
        add("2135-2", "ehr")
        add("2106-3", "ehr")
    elif kind < 0.6:
        add(random.choice(RACES), "ehr")
        if random.random() < 0.3:
            add("2186-5", "ehr")
    elif kind < 0.72:
        for value in random.sample(RACES, 2):
            add(value, "ehr", random.choice(["self", "proxy"]))
    elif kind < 0.82:  # two sources, which may say the same, overlap or contradict each other
        for source in ("ehr", "survey"):
            for value in random.sample(
                ["2106-3", "2054-5", "2135-2", "2186-5", "2131-1", "2028-9"], random.choice([1, 2])
            ):
                add(value, source, random.choice(["self", "observed", "unknown", None]))
    elif kind < 0.95:
        for _ in range(random.choice([1, 1, 2])):
            add(random.choice(NOT_KNOWN), random.choice(["ehr", "survey", None]))
        if random.random() < 0.3:
            add("2186-5", "ehr")
        if random.random() < 0.2:
            add("2054-5", "registry", "imputed")


def _languages(random: Random, patient_id: str, rows: list[Row]) -> None:
    for _ in range(random.choice([0, 1, 1, 1, 2])):
        language = random.choice(
            ["en", "en-US", "ES", "spa", "so", "vi", "zh_Hant", "ar", "fr", "und", "declined", "xx", None]
        )
        recorded = None if random.random() < 0.3 else dt.date(2026, 6, 1) + dt.timedelta(days=random.randint(0, 5))
        rows.append({"patient_id": patient_id, "language": language, "recorded_on": recorded})


def _spans(random: Random, patient_id: str, tables: dict[str, list[Row]]) -> None:
    """Addresses and insurance: moves in mid-month, gaps, overlaps, open ends, and places that cannot be used."""
    for table in ("addresses", "coverage"):
        starts = dt.date(2022, 1, 1) + dt.timedelta(days=random.randint(0, 900))
        for _ in range(random.choice([0, 1, 1, 2, 3, 4])):
            length = random.choice([20, 61, 200, 500])
            ends = None if random.random() < 0.4 else starts + dt.timedelta(days=length)
            row: dict[str, object] = {"patient_id": patient_id, "starts_on": starts, "ends_on": ends}
            if table == "coverage":
                row["payer"] = random.choice(
                    ["Medicaid", "chip", "commercial", "Tricare", "self-pay", "barter", None, "medicare"]
                )
            elif random.random() < 0.1:
                row["tract_geoid"] = None
            else:
                vintage = random.choice(["2020", "2020", "2020", "2010"])
                row["tract_vintage"] = vintage
                row["tract_geoid"] = random.choice(
                    (TRACTS_2020 if vintage == "2020" else TRACTS_2010) + ["99001777700"]
                )
            tables[table].append(row)
            starts += dt.timedelta(days=random.choice([length + 1, length + 45, max(length - 15, 1), 10]))
            if starts > RUN.as_of:
                break


def _encounters(random: Random, patient_id: str, born: dt.date, found: dt.date, rows: list[Row]) -> None:
    for _ in range(random.randint(0, 22)):
        kind = random.random()
        day = (
            found + dt.timedelta(days=random.choice([-15, -14, 0, 14, 15]))
            if kind < 0.2
            else _day(random, dt.date(2024, 1, 1))
        )
        day = min(max(day, born), RUN.as_of)
        care = random.choice(["ED", "emergency", "inpatient", "IMP", "outpatient", "outpatient", "AMB", "virtual"])
        stays = care in ("inpatient", "IMP")
        ends = (
            None
            if random.random() < 0.1
            else min(day + dt.timedelta(days=random.choice([0, 0, 1, 4, 40]) if stays else 0), RUN.as_of)
        )
        rows.append(
            {
                "encounter_id": f"E{len(rows):06d}",
                "patient_id": patient_id,
                "encounter_class": care,
                "service": random.choice(["diabetes", "Diabetes", "primary_care", None]),
                "starts_on": random.choice([str(day), f"{day}T23:30:00"]),
                "ends_on": ends,
                "primary_dx": random.choice(["E10.10", "E10.11", "E10.641", "E10.9", None]),
            }
        )


def _results(random: Random, patient_id: str, first: dt.date, rows: list[Row]) -> None:
    for _ in range(random.randint(0, 9)):
        day = _day(random, max(first, dt.date(2023, 3, 1)))
        for _ in range(random.choice([1, 1, 1, 2])):
            per_cent = random.choice(
                [round(random.uniform(5.5, 12), 1), round(random.uniform(6.9, 9.1), 2), 7.0, 9.0, 9.1]
            )
            code, unit, value = random.choice(
                [
                    ("4548-4", "%", per_cent),
                    ("4548-4", None, per_cent),
                    ("17856-6", "%", per_cent),
                    ("59261-8", "mmol/mol", round((per_cent - 2.15) / 0.0915)),
                    ("59261-8", None, round((per_cent - 2.15) / 0.0915)),
                    ("4548-4", "MMOL/MOL", round((per_cent - 2.15) / 0.0915, 1)),
                    ("2345-7", "mg/dL", 180),
                ]
            )
            resulted = random.choice([None, day, min(day + dt.timedelta(days=random.choice([1, 40])), RUN.as_of)])
            rows.append(
                {
                    "observation_id": f"O{len(rows):06d}",
                    "patient_id": patient_id,
                    "code": code,
                    "observed_on": day,
                    "value": value,
                    "unit": unit,
                    "resulted_on": resulted,
                }
            )


def _area(random: Random) -> list[Row]:
    rows: list[Row] = []
    for vintage, tracts in (("2020", TRACTS_2020), ("2010", TRACTS_2010)):
        for number, tract in enumerate(tracts):
            values: list[tuple[str, str, object, str]] = [
                ("child_population", "", random.choice([0, 1200, 800, random.randint(50, 3000)]), "count"),
                (
                    "poverty",
                    "",
                    random.choice([0.1, 0.25, round(random.random(), 3), None if number % 5 == 4 else 0.3]),
                    "higher_is_worse",
                ),
                ("deprivation", "", random.randint(1, 99), "higher_is_better"),
                *(
                    ("children_by_race", race, random.randint(0, 400), "count")
                    for race in ("asian", "black", "hispanic", "multiple", "white")
                ),
            ]
            for measure, category, value, direction in values:
                for year in ("2022", "2023") if measure == "poverty" and number % 4 == 0 else ("2023",):
                    rows.append(
                        {
                            "tract_geoid": tract,
                            "tract_vintage": vintage,
                            "data_year": year,
                            "measure": measure,
                            "category": category,
                            "value": value if year == "2023" else 0.99,
                            "direction": direction,
                        }
                    )
    return rows
