"""A very small warehouse with canaries, ready for publication: for tests of whole releases and marts, byte by byte.

One proportion and one rate; groups that are published, zero, suppressed, held and of nobody; labels that try to be
markup or formulas; and, in every table about children, invented names and numbers that must never come out.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pandas as pd

from orchestration.release.columns import (
    CHANGES_NUMBERS,
    DECOMPOSITION_NUMBERS,
    STANDARDISED_NUMBERS,
    TABLES,
)
from orchestration.settings import Settings
from tests.support import over_time_frames

RUN_ID, CODE_VERSION, QUALITY_PAGE = "small-run", "tests", "<!doctype html><title>Quality</title>"
STARTS_ON, ENDS_ON = dt.date(2025, 7, 1), dt.date(2026, 6, 30)
# Found nowhere but in tables about children.
CANARIES = ("Zyxwvuta", "Qjorbelund", "MRN-7731904", "PAT-5590217", "2013-04-17", "Larkspurgate")
HOSTILE = {
    "a": "<script>alert(1)</script>",
    "b": '=HYPERLINK("http://example.org","x")',
    "c": "@SUM(A1:A9)",
    "d": "\u200fعربي\u200e \U0001f9e1",
    "e": "x" * 300,
}
_NUMBERS = ("n_patients", "numerator", "denominator", "value", "ci_low", "ci_high")
# measure, stratum, n_patients, numerator, denominator, multiplier, disclosure, quality
_STRATA: tuple[tuple[str, str, int | None, int | None, int | None, float, str, str], ...] = (
    ("share", "all", 400, 120, 400, 100.0, "published", "publish"),
    ("share", "a", 100, 40, 100, 100.0, "published", "publish"),
    ("share", "b", 100, 25, 100, 100.0, "published", "publish"),
    ("share", "c", 60, 0, 60, 100.0, "published", "publish"),
    ("share", "d", None, None, None, 100.0, "suppressed", "publish"),
    ("share", "e", 0, 0, 0, 100.0, "published", "publish"),
    ("rate", "all", None, None, None, 1200.0, "not_assessed", "hold"),
    ("rate", "a", 100, 50, 1200, 1200.0, "published", "warn"),
)


def build(settings: Settings) -> None:
    """Write the warehouse where `settings` look for it."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse_path)) as con:
        con.execute(_SCHEMA)
        frames = {
            "publish.strata": _strata(),
            "publish.gaps": _gaps(),
            "publish.inequality": _inequality(),
            "publish.changes": _without_rows(CHANGES_NUMBERS, "changes"),
            "publish.decomposition": _without_rows(DECOMPOSITION_NUMBERS, "decomposition"),
            "publish.reference_register": _register(),
            "main.dim_stratum": _groups(),
            **{f"publish.{name}": frame for name, frame in over_time_frames.frames().items()},
        }
        for name, frame in frames.items():
            con.register("frame", frame)
            con.execute(f"create table {name} as from frame")
            con.unregister("frame")


def _slice(measure: str, stratum: str) -> dict[str, Any]:
    return {
        "measure_id": measure,
        "grain": "year",
        "period_starts_on": STARTS_ON,
        "period_ends_on": ENDS_ON,
        "site": "all",
        "stratifier": "overall" if stratum == "all" else "race",
        "stratum": stratum,
        "stratifier_2": "",
        "stratum_2": "",
    }


def _strata() -> pd.DataFrame:
    rows = []
    for measure, stratum, n, numerator, denominator, multiplier, disclosure, quality in _STRATA:
        value = numerator / denominator * multiplier if denominator and numerator is not None else None
        ends = {"ci_low": None if value is None else value * 0.9, "ci_high": None if value is None else value * 1.1}
        rows.append(
            {
                **_slice(measure, stratum),
                **{"n_patients": n, "numerator": numerator, "denominator": denominator, "value": value, **ends},
                **{"ci_method": "" if value is None else "invented", "disclosure_status": disclosure},
                **{"reliability_status": "not_applicable" if n == 0 else "reliable", "quality_status": quality},
                **dict.fromkeys(STANDARDISED_NUMBERS),
                **dict.fromkeys(("value_standardised_method", "observed_to_expected_method")),
            }
        )
    counts = dict.fromkeys(_NUMBERS[:3], "Int64")
    return pd.DataFrame(rows).astype({**counts, **dict.fromkeys((*_NUMBERS[3:], *STANDARDISED_NUMBERS), "float64")})


def _gaps() -> pd.DataFrame:
    ends = ("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high")
    shown = {**dict(zip(ends, (15.0, 2.0, 28.0, 1.6, 1.1, 2.4), strict=True)), "excess": 15.0, "excess_low": 2.0}
    shown |= {"excess_high": 28.0, "p_value": 0.02, "p_adjusted": 0.04, "bound_low": -1.0, "bound_high": 30.0}
    rows = []
    for stratum, disclosure in (("a", "published"), ("d", "suppressed")):
        numbers = shown if disclosure == "published" else dict.fromkeys(shown)
        reference: dict[str, Any] = {"reference_rule": "best", "reference_stratum": "b", "reference_stratum_2": ""}
        reference["reference_chosen_from"] = STARTS_ON
        methods: dict[str, Any] = {"difference_method": "invented", "ratio_method": "invented", "p_method": "invented"}
        methods["is_meaningful"] = disclosure == "published"
        methods |= {"bound_method": "invented", "quality_reason": None}
        methods["is_sign_robust"] = False if disclosure == "published" else None
        status = {"disclosure_status": disclosure, "reliability_status": "reliable", "quality_status": "publish"}
        rows.append({**_slice("share", stratum), **reference, **numbers, **methods, **status})
    return pd.DataFrame(rows).astype({**dict.fromkeys(shown, "float64"), "is_sign_robust": "boolean"})


def _inequality() -> pd.DataFrame:
    """One index of the published groups, and a slice that has none."""
    rows = []
    for measure, index, value, disclosure, quality in (
        ("share", "mrd", 40.0, "published", "publish"),
        ("rate", "every_index", None, "not_assessed", "warn"),
    ):
        ends = {"index_value": value, "index_low": value and value - 10, "index_high": value and value + 10}
        words = {"index_id": index, "index_unit": "the measure's unit", "index_method": "invented", "index_note": None}
        counts = {"n_groups": 4, "n_groups_published": 3 if value else 1}
        status = {"disclosure_status": disclosure, "reliability_status": "reliable", "quality_status": quality}
        references = {"reference_stratum": "b", "reference_stratum_2": ""}
        rows.append({**_slice(measure, "a"), **words, **ends, **counts, **references, **status})
    return pd.DataFrame(rows).astype(dict.fromkeys(("index_value", "index_low", "index_high"), "float64"))


def _without_rows(numbers: tuple[str, ...], table: str) -> pd.DataFrame:
    """A table that this release has no row of."""
    names = [name for name in TABLES[table].columns if name not in numbers and name != "release_id"]
    texts = {name: pd.Series(dtype="str") for name in names}
    dates = {name: pd.Series(dtype="datetime64[s]") for name in names if name.endswith("_on")}
    return pd.DataFrame({**texts, **dates, **{name: pd.Series(dtype="float64") for name in numbers}})


def _register() -> pd.DataFrame:
    names = {"measure_id": "share", "site": "all", "stratifier": "race", "reference_rule": "best"}
    return pd.DataFrame(
        [{**names, "reference_stratum": "b", "reference_stratum_2": "", "chosen_from": STARTS_ON, "frozen_on": ENDS_ON}]
    )


def _groups() -> pd.DataFrame:
    groups = [("overall", "all", "Everyone"), *(("race", group, label) for group, label in HOSTILE.items())]
    frame = pd.DataFrame(groups, columns=["stratifier", "stratum", "label"])
    return frame.assign(sort_order=range(len(groups)), is_missing=False, missing_reason="")


def quality_frame() -> pd.DataFrame:
    """The protected quality table: one row shown, one suppressed."""
    rows = [("completeness", 0.93, 400, "publish", "published"), ("other_share", None, None, "", "suppressed")]
    frame = pd.DataFrame(rows, columns=["metric", "value", "n", "verdict", "disclosure_status"])
    fixed = {"field": "race_ethnicity", "site": "all", "grain": "year", "period_starts_on": STARTS_ON}
    frame = frame.assign(**fixed, measure_id="", stratifier="", stratum="", threshold="at least 0.8")
    return frame.astype({"n": "Int64"})


_NAME, _FAMILY_NAME, _RECORD, _PATIENT, _BORN, _STREET = CANARIES
_SCHEMA = f"""
create schema raw; create schema publish;
create table raw.patients as select '{_PATIENT}' as patient_id, '{_BORN}' as birth_date, '{_NAME}' as given_name,
    '{_FAMILY_NAME}' as family_name, '{_RECORD}' as record_number, '{_STREET}' as street;
create table raw.run as select '{RUN_ID}' as run_id, date '2026-06-30' as as_of, date '2023-07-01' as window_starts_on,
    date '2026-06-30' as window_ends_on;
create table raw.pull as select 'registry' as source_name, 'patients' as table_name,
    '/home/somebody/p.csv' as source_file, 'x1' as extract_id, 'aa' as sha256, 407::bigint as rows_in,
    404::bigint as rows_pulled, 3::bigint as rows_quarantined, false as skipped;
create table fct_conservation as select 'patients' as table_name, 'registry' as source_name, 407::bigint as rows_in,
    404::bigint as rows_used, 3::bigint as rows_quarantined;
create table int_patient as from raw.patients;
create table fct_patient_fact as select *, date '2026-01-01' as starts_on, 0.5::double as value, 1::bigint as cell_key
    from raw.patients;
create view fct_patient_span as select patient_id, date '2026-01-01' as starts_on, 1::bigint as cell_key
    from raw.patients;
create table dim_contact as select given_name, street, 'all' as site from raw.patients;
create table dim_measure as select *, '{CODE_VERSION}' as description, 'Children' as population, 'outcome' as family,
    'lower_is_better' as direction, '' as untested_convention, 'year' as grains, '' as exclusions,
    'Analytics' as steward, 'Invented' as citation
    from (values
        ('share', 'A share', 'proportion', '%', 100.0::double, 'patients', 'patients', 1),
        ('rate', 'A rate', 'rate', 'per 100 patient-years', 1200.0::double, 'events', 'patient_months', 2))
    as t(measure_id, title, kind, unit, multiplier, counts_what, denominator_unit, sort_order);
comment on column dim_measure.title is 'In words';
create table dim_stratifier as from (values
        ('overall', 'Everyone', 'overall', true, 'overall', '', 0),
        ('race', 'Race and ethnicity', 'person', true, 'best', 'race_ethnicity', 1))
    as t(stratifier, label, kind, is_exclusive, reference_rule, quality_field, sort_order);
alter table dim_stratifier add column is_crossing boolean default false;
create table dim_period as select 'year' as grain, date '{STARTS_ON}' as period_starts_on,
    date '{ENDS_ON}' as period_ends_on, 'Jul 2025 to Jun 2026' as period_label, 0 as period_index, true as is_complete;
create table dim_site as select 'all' as site, 'All sites' as site_label, 0 as sort_order;
create table publish.follow_up_basis as select repeat('ee', 32) as registers;
create table publish.gate_result as select '{RUN_ID}' as run_id, 'default' as profile, true as structural_passed,
    40::bigint as n_expectations, 3::bigint as n_failed, 'dd' as thresholds_sha256;
create table publish.gate_verdict as select measure_id, stratifier, 'all' as site, 'year' as grain,
    date '{STARTS_ON}' as period_starts_on, verdict, reasons
    from (values ('share', 'overall', 'publish', ''), ('share', 'race', 'publish', ''),
        ('rate', 'overall', 'hold', 'Recorded for too few'), ('rate', 'race', 'warn', 'With caution'))
    as t(measure_id, stratifier, verdict, reasons);
"""
