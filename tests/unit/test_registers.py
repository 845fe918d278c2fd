"""The team's registers: what is read as what, and that a mistake is told with file, line, rule and remedy."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from orchestration.errors import SettingsError
from orchestration.registers.columns import AIMS, REGISTERS
from orchestration.registers.reading import read_registers
from orchestration.settings import PROJECT_ROOT, Settings, demo_settings, load_settings
from orchestration.statistics.aims.validation import check_registers
from tests.support.followed_frames import LABELS, MEASURES, SITES, STRATIFIERS, aim, register

AIM = {
    **aim(),
    "process_measure_id": "process",
    "balancing_measure_id": "harm",
    "baseline_value": "20",
    "gap_target": "10",
}


def write(folder: Path, name: str, *rows: dict[str, object]) -> Path:
    columns = [column.name for column in REGISTERS[name].columns]
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return folder


def checked(**registers: pd.DataFrame) -> None:
    check_registers(
        **{**read_registers(None).frames(), **registers},
        measures=MEASURES, stratifiers=STRATIFIERS, strata_labels=LABELS, sites=SITES,
    )  # fmt: skip


def test_a_register_is_read_as_what_its_columns_say(tmp_path: Path) -> None:
    found = read_registers(write(tmp_path, "aims", AIM))
    row = found.aims.iloc[0]
    assert (row["baseline_value"], row["by_when"]) == (20.0, pd.Timestamp("2026-12-31"))
    assert row["group_targets"] == "a=35 b=25"
    assert found.drivers.empty
    checked(**{"aims": found.aims})


def test_columns_may_stand_in_any_order_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "aims", AIM) / "aims.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    text = "\n".join(",".join(f'"{cell}"' for cell in reversed(row)) for row in rows)
    path.write_text("\ufeff" + text + "\n\n,,,,,,,,,,,,,,,,\n", encoding="utf-8")
    pd.testing.assert_frame_equal(read_registers(tmp_path).aims, read_registers(write(tmp_path, "aims", AIM)).aims)


def test_without_a_folder_there_is_no_aim_and_another_content_is_another_hash(tmp_path: Path) -> None:
    nothing = read_registers(None)
    assert all(frame.empty for frame in nothing.frames().values())
    assert read_registers(write(tmp_path, "aims", AIM)).sha256 != nothing.sha256


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"aim_id": "Not An Id"}, "letters, digits and underscores"),
        ({"by_when": "31.12.2026"}, "YYYY-MM-DD"),
        ({"baseline_value": "twenty"}, "`baseline_value` is a number"),
        ({"baseline_value": "nan"}, "`baseline_value` is a number"),
        ({"grain": "week"}, "month, quarter, year"),
        ({"owner": ""}, "`owner` is not empty"),
        ({"title": "x" * 401}, "at most 400 characters"),
    ],
)
def test_a_cell_that_is_not_what_its_column_asks_for(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        read_registers(write(tmp_path, "aims", AIM, {**AIM, "aim_id": "second", **changed}))
    assert "aims.csv, line 3" in str(refused.value)


def test_a_row_twice_another_header_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="stand once"):
        read_registers(write(tmp_path, "aims", AIM, AIM))
    (tmp_path / "aims.csv").write_text("aim_id,title\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="the header is"):
        read_registers(tmp_path)
    (tmp_path / "aims.csv").write_bytes("aim_id,é\n".encode("latin-1"))
    with pytest.raises(SettingsError, match="UTF-8"):
        read_registers(tmp_path)
    with pytest.raises(SettingsError, match="folder that exists"):
        read_registers(tmp_path / "nowhere")


def told(tmp_path: Path, name: str, *rows: dict[str, object]) -> str:
    """What reading says of the last of the rows, which stands on the line after them."""
    with pytest.raises(SettingsError) as refused:
        read_registers(write(tmp_path, name, *rows))
    assert f"{tmp_path / name}.csv, line {1 + len(rows)}" in str(refused.value)
    return " ".join(str(refused.value).split())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"group_targets": "a=35"}, "at least one other"),
        ({"group_targets": "b=35 c=20"}, "the aim's own group"),
        ({"group_targets": "a=35 b"}, "`group=value`"),
        ({"gap_target": "25"}, "smaller than `baseline_value`"),
        ({"gap_target": "-5"}, "not below 0"),
        ({"by_when": "2024-01-31"}, "in that order"),
        ({"balancing_measure_id": "share"}, "different measures"),
        ({"balancing_measure_id": "process"}, "different measures"),
        ({"process_measure_id": ""}, "`process_measure_id` is not empty"),
        ({"balancing_measure_id": ""}, "`balancing_measure_id` is not empty"),
    ],
)
def test_an_aim_that_makes_no_sense_is_told_with_its_line(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    assert said in told(tmp_path, "aims", AIM, {**AIM, "aim_id": "second", **changed})


def test_a_gap_may_be_meant_to_close(tmp_path: Path) -> None:
    assert read_registers(write(tmp_path, "aims", {**AIM, "gap_target": "0"})).aims["gap_target"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"measure_id": "unknown"}, "the measure is known"),
        ({"population": "others"}, "population is the measure's"),
        ({"stratifier": "overall"}, "has groups to compare"),
        ({"stratum": "z"}, "one of the aim's grouping"),
        ({"stratum": "declined"}, "no missing reason"),
        ({"site": "south"}, "the site is known"),
        ({"balancing_measure_id": "unknown"}, "the measure is known"),
        ({"group_targets": "a=135 b=25"}, "0 to 100 is a value of share"),
        ({"group_targets": "a=35 b=-1"}, "0 to 100 is a value of share"),
        ({"baseline_value": 120.0}, "at most 100"),
        ({"measure_id": "visits", "group_targets": "a=-35 b=25"}, "0 or more is a value of visits"),
    ],
)
def test_an_aim_that_does_not_fit_the_data(changed: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        checked(aims=register("aims", aim(**changed)))
    assert "aims.csv, line 0" in str(refused.value)


def test_a_mean_has_the_values_that_its_definition_states() -> None:
    limits = MEASURES.assign(kind="mean", multiplier=0.1, numerator_low=30.0, numerator_high=200.0)
    for target, fits in (("a=8.7", True), ("a=870", False), ("a=2", False)):
        aims = register("aims", aim(group_targets=f"{target} b=8", baseline_value=0.8, gap_target=0.4))
        given = {**read_registers(None).frames(), "aims": aims}
        vocabulary = {"measures": limits, "stratifiers": STRATIFIERS, "strata_labels": LABELS, "sites": SITES}
        if fits:
            check_registers(**given, **vocabulary)
        else:
            with pytest.raises(SettingsError, match="3 to 20 is a value"):
                check_registers(**given, **vocabulary)


def driver(name: str, parents: str = "", **given: str) -> dict[str, object]:
    kind = "secondary" if parents else "primary"
    return {"driver_id": name, "aim_id": "narrow", "kind": kind, "parents": parents, "label": name, **given}


@pytest.mark.parametrize(
    ("drivers", "said"),
    [
        ([driver("one", aim_id="other")], "belongs to an aim"),
        ([driver("one", "nobody")], "drivers of the same aim"),
        ([driver("one"), driver("two", "three"), driver("three", "two one")], "no driver moves itself"),
        ([driver("one", "one")], "no driver moves itself"),
        ([driver("one", kind="secondary")], "a secondary driver names"),
    ],
)
def test_drivers_have_no_orphan_and_no_cycle(tmp_path: Path, drivers: list[dict[str, object]], said: str) -> None:
    write(tmp_path, "aims", AIM)
    assert said in told(tmp_path, "drivers", *drivers)


def test_a_cycle_is_told_with_all_that_are_in_it(tmp_path: Path) -> None:
    write(tmp_path, "aims", AIM)
    said = told(
        tmp_path, "drivers", driver("one"), driver("three", "two one"), driver("four", "three"), driver("two", "four")
    )
    assert "four, three, two" in said


def test_a_driver_has_a_known_measure() -> None:
    with pytest.raises(SettingsError, match="the measure is known"):
        checked(aims=register("aims", aim()), drivers=register("drivers", driver("one", measure_id="unknown")))


TEST = {
    **{"change_test_id": "t", "aim_id": "narrow", "driver_id": "one", "starts_on": "2025-01-01", "sites": "all"},
    "what": "Text reminders",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"driver_id": "nobody"}, "a driver of its aim"),
        ({"ends_on": "2024-01-01"}, "on or after the day"),
        ({"starts_on": "2124-01-01"}, "by the day of its aim, 2026-12-31"),
    ],
)
def test_change_tests_work_on_a_driver(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    write(write(tmp_path, "aims", AIM), "drivers", driver("one"))
    assert len(read_registers(write(tmp_path, "change_tests", TEST)).change_tests) == 1
    assert said in told(tmp_path, "change_tests", TEST, {**TEST, "change_test_id": "u", **changed})


def test_a_change_test_is_done_at_known_sites() -> None:
    with pytest.raises(SettingsError, match="the site is known"):
        checked(change_tests=register("change_tests", {**TEST, "sites": "all south"}))


def test_a_chart_fits_its_kind() -> None:
    with pytest.raises(SettingsError, match="a rate has one of the charts"):
        checked(chart_choices=register("chart_choices", {"measure_id": "visits", "stratifier": "*", "chart": "p"}))


def test_a_phase_has_a_baseline_and_starts_once(tmp_path: Path) -> None:
    phase = {
        **{"measure_id": "*", "stratifier": "*", "stratum": "a", "site": "*", "starts_on": "2024-01-01"},
        "reason": "Another laboratory",
    }
    named = {**phase, "stratum": "*", "site": "all"}
    year = {"baseline_ends_on": "2024-12-31"}
    assert len(read_registers(write(tmp_path, "chart_phases", {**phase, **year})).chart_phases) == 1
    assert "12 months or more" in told(tmp_path, "chart_phases", {**phase, "baseline_ends_on": "2024-12-30"})
    assert "12 months or more" in told(tmp_path, "chart_phases", {**phase, "baseline_ends_on": "2023-12-31"})
    assert "one entry says" in told(tmp_path, "chart_phases", phase, named)
    assert len(read_registers(write(tmp_path, "chart_phases", phase, {**named, "stratum": "b"})).chart_phases) == 2
    assert (
        len(read_registers(write(tmp_path, "chart_phases", phase, {**named, "starts_on": "2024-02-01"})).chart_phases)
        == 2
    )


def test_the_demo_has_registers_and_an_installation_starts_without(tmp_path: Path) -> None:
    found = read_registers(demo_settings(tmp_path).registers)
    assert len(found.aims) == 2 and len(found.change_tests) == 3 and len(found.drivers) == 8
    assert Settings().registers is None
    (tmp_path / "equity.toml").write_text('registers = "ours"\n', encoding="utf-8")
    assert load_settings(tmp_path / "equity.toml").registers == tmp_path.resolve() / "ours"


@pytest.mark.parametrize("name", list(REGISTERS))
def test_the_docs_name_every_column(name: str) -> None:
    text = (PROJECT_ROOT / "docs" / "charts_and_aims.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith(f"| `{name}.csv`"))
    assert all(f"`{column.name}`" in line for column in REGISTERS[name].columns)
    assert AIMS.name in REGISTERS
