"""Who is in which population and group in which month, decided child by child in plain Python by the documented rules.

Part of an independent recount: it shares no code and no SQL with the pipeline, only the vocabularies in seeds/.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.support.recount_rows import Recount, seed
from tests.support.tiny_warehouse import Run

Record = Mapping[str, Any]
RACE_COLUMNS = ("race_omb2024_aoic", "race_omb2024_multi", "race_omb2024_freq", "race_omb1997_hispanic_first")


@dataclass
class Child:
    """One child: months (last days) in each population, strata per month; `races` holds one or several names each."""

    patient_id: str
    site: str
    diagnosed_on: dt.date
    months: dict[str, list[dt.date]]
    races: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    at_month: dict[dt.date, dict[str, str]] = field(default_factory=dict)


def month_ends(run: Run) -> list[dt.date]:
    """Last days of the window's months."""
    ends, day = [], run.window_starts_on
    while day <= run.window_ends_on:
        last = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        ends.append(last)
        day = last + dt.timedelta(days=1)
    return ends


def birthday(born: dt.date, years: int) -> dt.date:
    """The day on which a child turns `years`; a child born on 29 February has it on the 28th in other years."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return born.replace(year=born.year + years, day=28)


def recount_people(recount: Recount, run: Run) -> list[Child]:
    """Every child that was ever in the population."""
    rows = {table: _by_patient(records) for table, records in recount.usable.items()}
    tracts = _quintiles(recount.usable["tract_measures"], run)
    children, chosen = [], {}
    for patient in recount.usable["patients"]:
        name = str(patient["patient_id"])
        child = _member(patient, rows["conditions"].get(name, []), run)
        if child is None:
            continue
        chosen[name] = _race(rows["race_ethnicity"].get(name, []))
        child.fixed = {"language": _language(rows["languages"].get(name, [])), "sex": _sex(patient["sex"])}
        for day in month_ends(run):
            child.at_month[day] = {
                "age_band": _age_band(patient["birth_date"], day),
                "payer": _payer(rows["coverage"].get(name, []), day),
                **_area(rows["addresses"].get(name, []), tracts, day),
            }
        children.append(child)
    counts = Counter(chosen.values())
    for child in children:
        child.races = _roll_ups(chosen[child.patient_id], counts)
    return children


def _by_patient(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[str(record.get("patient_id"))].append(record)
    return found


def _member(patient: Record, conditions: Sequence[Record], run: Run) -> Child | None:
    """In the population from diagnosis, enrolment and the lowest age on, until leaving, death and the highest age."""
    onsets = [
        condition["onset_on"]
        for condition in conditions
        if str(condition["code"]).upper().startswith(run.condition_prefixes)
        and not str(condition["code"]).upper().startswith(run.excluded_condition_prefixes)
    ]
    if not onsets:
        return None
    diagnosed: dt.date = min(onsets)
    born: dt.date = patient["birth_date"]
    first = max(diagnosed, patient["enrolled_on"] or diagnosed, birthday(born, run.age_from_years))
    last_days = [patient["left_on"], patient["death_date"], birthday(born, run.age_below_years) - dt.timedelta(days=1)]
    last = min([run.window_ends_on, *(day for day in last_days if day)])
    if last < first:
        return None
    months = {
        "t1d": [day for day in month_ends(run) if first <= day <= last],
        "t1d_established": [
            day for day in month_ends(run) if max(first, diagnosed + dt.timedelta(days=90)) <= day <= last
        ],
    }
    return Child(str(patient["patient_id"]), str(patient["site_id"] or "not_recorded"), diagnosed, months)


def _sex(value: object) -> str:
    known = {row["value"]: row["stratum"] for row in seed("sex_map")}
    return "not_recorded" if value is None else known.get(str(value).lower(), "unmapped")


def _age_band(born: dt.date, day: dt.date) -> str:
    bands = {row["code"]: row["stratum"] for row in seed("strata") if row["dimension"] == "age_band"}
    for row in seed("age_bands"):
        if birthday(born, int(row["from_years"])) <= day < birthday(born, int(row["below_years"])):
            return bands[row["code"]]
    return "not_born"


def _language(records: Sequence[Record]) -> str:
    """The most recently recorded language; a reason for not having one counts only when there is no language."""
    known = {row["subtag"]: row["stratum"] for row in seed("language_map")}
    order = {row["stratum"]: row for row in seed("strata") if row["dimension"] == "language"}
    best: list[tuple[bool, int, int, str]] = []
    for record in records:
        tag = str(record["language"] or "").lower().replace("_", "-").split("-")[0]
        stratum = known.get(tag, "unmapped") if tag else "not_recorded"
        recorded = record["recorded_on"]
        days = recorded.toordinal() if isinstance(recorded, dt.date) else 0
        best.append((bool(order[stratum]["missing_reason"]), -days, int(order[stratum]["code"]), stratum))
    return min(best)[3] if best else "not_recorded"


def _in_force(records: Sequence[Record], day: dt.date) -> Record | None:
    """The span that holds on `day`. Where spans overlap, the one that began last replaces the others for good."""
    begun = [record for record in records if record["starts_on"] <= day]
    if not begun:
        return None
    latest = max(begun, key=lambda record: record["starts_on"])
    return latest if latest["ends_on"] is None or latest["ends_on"] >= day else None


def _payer(records: Sequence[Record], day: dt.date) -> str:
    known = {row["value"]: row["stratum"] for row in seed("payer_map")}
    record = _in_force(records, day)
    if record is None or record["payer"] is None:
        return "not_recorded"
    return known.get(str(record["payer"]).lower(), "unmapped")


def _area(records: Sequence[Record], tracts: Mapping[tuple[str, str], dict[str, str]], day: dt.date) -> dict[str, str]:
    record = _in_force(records, day)
    if record is None or record["tract_geoid"] is None:
        return {"poverty_quintile": "no_address", "deprivation_quintile": "no_address"}
    away = {"poverty_quintile": "tract_not_in_area_file", "deprivation_quintile": "tract_not_in_area_file"}
    return tracts.get((str(record["tract_geoid"]), str(record["tract_vintage"])), away)


def _quintiles(records: Sequence[Record], run: Run) -> dict[tuple[str, str], dict[str, str]]:
    """Fifth of each tract of the catchment: where the middle of its children falls, in order of burden."""
    values: dict[tuple[str, str], dict[str, tuple[Fraction, str]]] = defaultdict(dict)
    for record in records:
        tract = (str(record["tract_geoid"]), str(record["tract_vintage"]))
        values[tract]
        if record["category"] is None and record["value"] is not None:
            values[tract][str(record["measure"])] = (Fraction(str(record["value"])), str(record["direction"]))
    inside = {
        tract: found
        for tract, found in values.items()
        if not run.catchment_counties or tract[0][:5] in run.catchment_counties
    }
    placed: dict[tuple[str, str], dict[str, str]] = {tract: {} for tract in inside}
    for measure in ("poverty", "deprivation"):
        for (geoid, vintage), found in inside.items():
            column = f"{measure}_quintile"
            placed[geoid, vintage][column] = "area_value_missing"
            if measure not in found:
                continue
            below, same, everyone = Fraction(0), Fraction(0), Fraction(0)
            for other, theirs in inside.items():
                if other[1] == vintage and measure in theirs:
                    children = theirs.get("child_population", (Fraction(0), ""))[0]
                    burdens = [
                        value if direction == "higher_is_worse" else -value
                        for value, direction in (theirs[measure], found[measure])
                    ]
                    everyone += children
                    below += children if burdens[0] < burdens[1] else 0
                    same += children if burdens[0] == burdens[1] else 0
            if everyone:
                placed[geoid, vintage][column] = f"q{min(5, 1 + int(5 * (below + same / 2) / everyone))}"
    return placed


def _race(records: Sequence[Record]) -> frozenset[str]:
    """The categories that were chosen for a child, or one reason (in lower case) why there are none."""
    known = {row["value"]: row for row in seed("race_ethnicity_map")}
    said: list[tuple[str, str, bool]] = []  # source, category or reason, own statement
    for record in records:
        value = record["value"]
        row = known.get(str(value).lower())
        what = "not_asked" if value is None else row["category"] or row["missing_reason"] if row else "unmapped"
        own = str(record["capture_method"] or "unknown").lower() in ("self", "proxy")
        said.append((str(record["source_system"] or "not stated"), what, own))
    answers = [(source, what, own) for source, what, own in said if what.isupper()]
    if any(own for _, _, own in answers):
        answers = [answer for answer in answers if answer[2]]
    categories = {what for _, what, _ in answers}
    by_source: dict[str, set[str]] = defaultdict(set)
    for source, what, _ in answers:
        if what not in ("HISP", "NOT_HISP", "OTHER"):
            by_source[source].add(what)
    if {"HISP", "NOT_HISP"} <= categories or (len(by_source) > 1 and not set.intersection(*by_source.values())):
        return frozenset({"conflict"})
    if categories - {"NOT_HISP"}:
        return frozenset(categories - {"NOT_HISP"})
    reasons = {what for _, what, _ in said if not what.isupper()}
    return frozenset(
        {next((reason for reason in ("declined", "asked_unknown", "unmapped") if reason in reasons), "not_asked")}
    )


def _roll_ups(chosen: frozenset[str], counts: Mapping[frozenset[str], int]) -> dict[str, tuple[str, ...]]:
    names = tuple(sorted(chosen))
    if names[0].islower():
        return dict.fromkeys(RACE_COLUMNS, names)
    single = len(names) == 1
    under_1997 = {"WHITE" if name == "MENA" else name for name in chosen if name != "HISP"}
    first = "HISP" if "HISP" in chosen else next(iter(under_1997)) if len(under_1997) == 1 else "MULTI"
    frequent = "+".join(names) if single or counts[chosen] >= 100 else "MULTI"
    return dict(zip(RACE_COLUMNS, (names, names if single else ("MULTI",), (frequent,), (first,)), strict=True))
