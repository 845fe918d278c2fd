from __future__ import annotations

from collections.abc import Callable

import duckdb
import pandas as pd
import pytest

from orchestration.errors import BlockedError, GateError, SettingsError, TransformError
from orchestration.quality import structure
from orchestration.quality.gate import require_passed, run_gate
from orchestration.quality.verdicts import quality_table
from orchestration.settings import Disclosure, Gate, Settings
from tests.unit.quality.gate_warehouse import MEASURES, set_metric

Con = duckdb.DuckDBPyConnection


def _verdicts(con: Con, where: str) -> set[tuple[str, str]]:
    return set(con.execute(f"select distinct verdict, reasons from publish.gate_verdict where {where}").fetchall())


def _held(con: Con) -> pd.DataFrame:
    return con.execute("select * from publish.gate_verdict where verdict = 'hold'").df()


EVERYTHING = Settings(disclosure=Disclosure(kept_in_marts=()))


def test_sound_data_are_published_whole_and_every_slice_has_one_verdict(sound: Con) -> None:
    summary = run_gate(sound, EVERYTHING, "r1")

    expected = sound.execute(
        "select count(distinct (measure_id, stratifier, site, grain, period_starts_on)) from fct_measure_stratum"
    ).fetchone()
    assert summary.verdicts == {"publish": expected[0] if expected else None, "warn": 0, "hold": 0}
    assert (summary.n_failed, summary.reasons) == (0, ())
    result = sound.execute("select * from publish.gate_result").df().iloc[0]
    assert (result["run_id"], result["profile"], result["structural_passed"]) == ("r1", "default", True)
    assert result["data_fingerprint"] == summary.data_fingerprint
    assert summary.n_expectations == len(sound.execute("from publish.gate_check").fetchall())


def test_a_grouping_that_stays_in_the_marts_is_not_judged(sound: Con) -> None:
    run_gate(sound, Settings(disclosure=Disclosure(kept_in_marts=("sex",))), "r1")
    judged = {name for (name,) in sound.execute("select distinct stratifier from publish.gate_verdict").fetchall()}
    known = {name for (name,) in sound.execute("select distinct stratifier from fct_measure_stratum").fetchall()}
    assert judged == known - {"sex"}
    require_passed(sound, "r1")


@pytest.mark.parametrize("name", ["overall", "race_omb2024"])
def test_a_grouping_to_keep_in_the_marts_is_known_and_not_everyone(name: str, sound: Con) -> None:
    with pytest.raises(SettingsError, match="`kept_in_marts`") as error:
        run_gate(sound, Settings(disclosure=Disclosure(kept_in_marts=(name,))), "r1")
    assert error.value.found == name and "sex" in str(error.value.remedy)


def test_a_held_field_holds_only_what_depends_on_it(sound: Con) -> None:
    set_metric(sound, 0.5, field="sex")

    run_gate(sound, Settings(), "r1")

    held = _held(sound)
    assert set(held["stratifier"]) == {"sex"}
    assert set(held["site"]) == {"a"}
    assert set(held["grain"]) == {"quarter"}
    assert len(held) == len(MEASURES)


def test_the_overall_row_is_held_by_nothing_but_the_measures_own_field(sound: Con) -> None:
    for field in ("race_ethnicity", "hba1c"):
        set_metric(sound, 0.3, field=field)

    run_gate(sound, Settings(), "r1")

    overall = _held(sound).query("stratifier == 'overall'")
    assert set(overall["measure_id"]) == {"hba1c_above_9", "hba1c_below_7", "hba1c_mean"}
    assert set(overall["reasons"]) == {
        "HbA1c is known for 30 % of children at Site A; at least 50 % is needed to speak for all of them"
    }


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0 %"), (0.5, "50 %"), (0.7499, "74.99 %")], ids=["never", "half", "nearly enough"]
)
def test_how_often_encounters_were_recorded_is_said_in_per_cent(sound: Con, value: float, shown: str) -> None:
    set_metric(sound, value, field="encounters", metric="periods_with_records")

    run_gate(sound, Settings(), "r1")

    held = _held(sound)
    assert "ed_visits" in set(held["measure_id"])
    assert set(held["reasons"]) == {
        f"Encounters were recorded in {shown} of the time at Site A; at least 75 % is needed"
    }


@pytest.mark.parametrize("field", ["race_ethnicity", "address"])
def test_a_crossing_depends_on_both_of_its_fields(sound: Con, field: str) -> None:
    set_metric(sound, 0.5, field=field, site="all")

    run_gate(sound, Settings(), "r1")

    assert "race_by_poverty" in set(_held(sound)["stratifier"])


def test_unequal_missingness_holds_the_measure_it_was_seen_in_and_no_other(sound: Con) -> None:
    for end, value in (("rd", -0.12), ("low", -0.2), ("high", -0.04)):
        set_metric(sound, value, metric=f"differential_missing_{end}", measure_id="hba1c_above_9", n=120)

    run_gate(sound, Settings(), "r1")

    held = _held(sound)
    assert set(held["measure_id"]) == {"hba1c_above_9"}
    assert set(held["reasons"]) == {
        "Race and ethnicity are missing unequally at Site A: the share differs by 12 percentage points between "
        "children counted in the measure and the others; the limit is 5 percentage points"
    }


@pytest.mark.parametrize(("low", "high"), [(-0.2, 0.01), (-0.01, 0.3)])
def test_a_difference_whose_interval_holds_zero_is_not_judged(sound: Con, low: float, high: float) -> None:
    for end, value in (("rd", 0.15), ("low", low), ("high", high)):
        set_metric(sound, value, metric=f"differential_missing_{end}", measure_id="hba1c_above_9", n=120)

    run_gate(sound, Settings(), "r1")

    assert _held(sound).empty


def test_a_difference_made_of_a_small_count_is_not_said(sound: Con) -> None:
    for end, value in (("rd", 0.12), ("low", 0.04), ("high", 0.2)):
        set_metric(sound, value, metric=f"differential_missing_{end}", measure_id="hba1c_above_9", n=120)
    sound.execute(
        "update fct_measure_stratum set numerator = 5 where stratum = 'declined' and measure_id = 'hba1c_above_9'"
    )

    run_gate(sound, Settings(), "r1")

    (reason,) = set(_held(sound)["reasons"])
    assert "differs by more than 5 percentage points" in reason


def test_a_default_entry_stands_for_later_periods_of_every_length_and_warns_at_all_sites(sound: Con) -> None:
    for starts_on in ("2025-07-01", "2025-10-01"):
        set_metric(sound, 1.0, metric="modal_capture_share", site="b", starts_on=starts_on, n=18)
        set_metric(sound, 0.6, metric="modal_capture_share_baseline_median", site="b", starts_on=starts_on, n=18)

    run_gate(sound, EVERYTHING, "r1")

    held = _held(sound)
    assert set(held["site"]) == {"b"}
    assert set(held["stratifier"]) == {"race_omb2024_aoic", "race_omb2024_multi"}
    periods = set(zip(held["grain"], held["period_starts_on"].dt.strftime("%m"), strict=True))
    months = {("month", f"{month:02}") for month in range(7, 13)}
    assert periods == months | {("quarter", "07"), ("quarter", "10"), ("year", "01")}
    sentence = (
        "100 % of the children newly enrolled at Site B in quarter 3 carry one and the same race and ethnicity, "
        "far more than before; this looks like a default entry, so later periods are affected too"
    )
    assert set(held["reasons"]) == {sentence}
    everywhere = "site = 'all' and stratifier = 'race_omb2024_multi' and period_starts_on >= date '2025-07-01'"
    assert _verdicts(sound, everywhere) == {("warn", f"All sites together include this: {sentence}")}


@pytest.mark.parametrize(
    ("share", "usual", "n"),
    [
        (1.0, 0.95, 60),  # nearly all children there have the same answer, and always had
        (0.85, 0.20, 60),  # far more than before, and still mixed
        (1.0, 0.60, 12),  # as chance may have it with a dozen children: 2.8 standard errors
        (1.0, 1.00, 60),
        (1.0, None, 60),  # no earlier quarters to compare with
    ],
)
def test_neither_a_common_answer_nor_a_jump_alone_is_a_default_entry(
    sound: Con, share: float, usual: float | None, n: int
) -> None:
    set_metric(sound, share, metric="modal_capture_share", n=n)
    set_metric(sound, usual, metric="modal_capture_share_baseline_median", n=n)

    run_gate(sound, Settings(), "r1")

    assert _verdicts(sound, "true") == {("publish", "")}


def test_all_reasons_of_the_verdict_are_given_and_a_held_slice_is_not_also_warned_of(sound: Con) -> None:
    set_metric(sound, 0.70)
    set_metric(sound, 0.25, metric="other_share")
    set_metric(sound, 0.50, metric="conflict_share")
    set_metric(sound, 0.85, site="b")
    set_metric(sound, 0.50, metric="conflict_share", site="b")

    run_gate(sound, Settings(), "r1")

    assert set(_held(sound)["reasons"]) == {
        "Race and ethnicity are recorded for 70 % of children at Site A; at least 80 % is needed; "
        "Race and ethnicity are recorded only as “Other” for 25 % of children at Site A; the limit is 20 %"
    }
    assert _verdicts(sound, "verdict = 'warn'") == {
        (
            "warn",
            "Race and ethnicity are recorded for 85 % of children at Site B; at least 90 % is wanted; "
            "Sources disagree on race and ethnicity for 50 % of children at Site B; the limit is 5 %",
        )
    }


def test_the_smallest_count_that_may_be_said_follows_the_setting(sound: Con) -> None:
    set_metric(sound, 0.7)

    run_gate(sound, Settings(disclosure=Disclosure(min_cell=200)), "r1")

    assert "recorded for less than 80 % of children" in _held(sound)["reasons"].iloc[0]


def test_a_field_without_any_metric_holds_what_depends_on_it(sound: Con) -> None:
    sound.execute("delete from fct_quality where field = 'address'")

    run_gate(sound, Settings(), "r1")

    assert set(_held(sound)["stratifier"]) == {"poverty_quintile", "race_by_poverty"}


def test_the_atlas_grid_judges_both_criteria_together(sound: Con) -> None:
    set_metric(sound, 0.85)
    set_metric(sound, 2, metric="census_categories_off")
    set_metric(sound, 2, metric="census_categories_off", site="b")

    run_gate(sound, Settings(gate=Gate(profile="cms_dq_atlas")), "r1")

    assert {verdict for verdict, _ in _verdicts(sound, "site = 'a' and stratifier = 'race_omb2024_multi'")} == {
        "hold",
        "publish",
    }
    assert {verdict for verdict, _ in _verdicts(sound, "site = 'b' and stratifier = 'race_omb2024_multi'")} == {
        "warn",
        "publish",
    }


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("update fct_structure set value = 3 where check_name = 'orphan_rows'", "orphan_rows (int_coverage: 3)"),
        ("update fct_structure set value = 0 where check_name = 'rows'", "rows (int_patient: 0)"),
        ("update fct_structure set value = null where check_name = 'rows'", "value (int_patient: nothing)"),
        ("delete from fct_structure where check_name = 'duplicate_keys'", "rows (fct_structure: duplicate_keys: 0)"),
        ("insert into fct_structure values ('unheard_of', 'int_x', 1)", "unheard_of (int_x: 1)"),
        ("update fct_conservation set rows_used = 1209", "rows_unaccounted (patients from registry: 1)"),
        ("update fct_conservation set rows_quarantined = null", "rows_quarantined (patients from registry: nothing)"),
        ("delete from fct_conservation", "conservation (the table has no rows)"),
        ("delete from fct_measure_stratum", "rows (fct_measure_stratum: 0)"),
        ("delete from dim_measure", "rows (dim_measure: 0)"),
        ("delete from fct_quality", "rows (fct_quality: 0)"),
        ("update fct_quality set value = 1.2 where rowid = 0", "share (completeness of"),
        ("update fct_quality set value = 'inf' where metric = 'psi'", "value (psi of"),
    ],
)
def test_a_structural_failure_blocks_everything_and_is_on_record(sound: Con, fault: str, found: str) -> None:
    sound.execute(fault)

    with pytest.raises(BlockedError) as blocked:
        run_gate(sound, Settings(), "r1")

    assert found in blocked.value.found
    assert blocked.value.exit_code == 3
    assert sound.execute("select run_id, structural_passed from publish.gate_result").fetchall() == [("r1", False)]
    assert sound.execute("select count(*) from publish.gate_verdict").fetchall() == [(0,)]
    assert sound.execute("select bool_and(success) from publish.gate_check").fetchall() == [(False,)]


def test_an_expectation_that_raises_is_an_error_and_leaves_no_result(
    sound: Con, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: Callable[..., object] = structure.structural_work

    def with_words(con: Con) -> object:
        first, *others = frames(con)  # type: ignore[misc, attr-defined]
        return [(first[0].assign(rows="many"), first[1]), *others]

    monkeypatch.setattr("orchestration.quality.gate.structural_work", with_words)

    with pytest.raises(GateError, match="neither passed nor failed"):
        run_gate(sound, Settings(), "r1")

    written = {
        name
        for (name,) in sound.execute("select table_name from duckdb_tables() where schema_name = 'publish'").fetchall()
    }
    assert written == {"gate_check"}
    assert sound.execute("select count(*) from publish.gate_check where error <> ''").fetchall() == [(1,)]


def test_an_error_in_judging_fitness_is_an_error_too(sound: Con, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.quality import gate

    frames = gate.field_frames

    def without_column(*arguments: object) -> object:
        units = frames(*arguments)  # type: ignore[arg-type]
        units[0].frame.pop("completeness")
        return units

    monkeypatch.setattr(gate, "field_frames", without_column)

    with pytest.raises(GateError, match="completeness"):
        run_gate(sound, Settings(), "r1")


def test_what_an_earlier_gate_left_does_not_survive_a_gate_that_could_not_run(sound: Con) -> None:
    run_gate(sound, Settings(), "r1")
    sound.execute("drop table fct_structure")

    with pytest.raises(TransformError, match="fct_structure"):
        run_gate(sound, Settings(), "r1")

    assert sound.execute("select count(*) from duckdb_tables() where schema_name = 'publish'").fetchall() == [(0,)]


def test_a_metric_that_stands_twice_is_refused(sound: Con) -> None:
    sound.execute("insert into fct_quality select * from fct_quality where rowid < 2")

    with pytest.raises(TransformError, match=r"2 repeated row\(s\)"):
        run_gate(sound, Settings(), "r1")


def test_a_field_without_a_rule_and_an_unknown_measure_are_refused(sound: Con) -> None:
    sound.execute("update dim_stratifier set quality_field = 'shoe_size' where stratifier = 'sex'")
    with pytest.raises(SettingsError, match="shoe_size"):
        run_gate(sound, Settings(), "r1")

    sound.execute("delete from dim_measure where measure_id = 'hba1c_mean'")
    with pytest.raises(SettingsError, match="hba1c_mean"):
        run_gate(sound, Settings(), "r1")


def test_the_quality_table_says_what_was_asked_and_found(sound: Con) -> None:
    set_metric(sound, 0.7)
    set_metric(sound, 0.5, site="b", n=20)
    set_metric(sound, None, metric="psi")

    run_gate(sound, Settings(), "r1")

    table = quality_table(sound)
    table = table[(table["field"] == "race_ethnicity") & (table["grain"] == "quarter")]
    table = table[table["period_starts_on"] == pd.Timestamp("2025-04-01")]
    rows = table.set_index(["site", "metric"])
    completeness = rows.loc[("a", "completeness")]
    assert completeness["verdict"] == "hold"
    assert (completeness["threshold_warn"], completeness["threshold_hold"]) == (0.90, 0.80)
    assert completeness["threshold"] == "hold below 80 %, warn below 90 %"
    assert rows.loc[("b", "completeness"), "verdict"] == "warn"
    assert rows.loc[("c", "completeness"), "verdict"] == "publish"
    assert ("a", "psi") not in rows.index
    assert rows.loc[("b", "psi"), "threshold"] == "hold above 0.4, warn above 0.2"
    assert rows.loc[("b", "differential_missing_low"), "verdict"] == ""
    total = sound.execute("select count(value) from fct_quality").fetchone()
    assert total == (len(quality_table(sound)),)
