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


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"measure_id": "unknown"}, "the measure is known"),
        ({"population": "others"}, "population is the measure's"),
        ({"stratifier": "overall"}, "has groups to compare"),
        ({"stratum": "z"}, "one of the aim's grouping"),
        ({"stratum": "declined"}, "no missing reason"),
        ({"site": "south"}, "the site is known"),
        ({"group_targets": "a=35"}, "at least one other"),
        ({"group_targets": "b=35 c=20"}, "the aim's own group"),
        ({"group_targets": "a=35 b"}, "`group=value`"),
        ({"gap_target": 25.0}, "smaller than the baseline"),
        ({"by_when": "2024-01-31"}, "in that order"),
        ({"balancing_measure_id": "share"}, "another one than the aim's"),
    ],
)
def test_an_aim_that_does_not_fit_the_data(changed: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        checked(aims=register("aims", aim(**changed)))


def driver(name: str, parents: str = "", **given: str) -> dict[str, str]:
    kind = "secondary" if parents else "primary"
    return {"driver_id": name, "aim_id": "narrow", "kind": kind, "parents": parents, "label": name, **given}


@pytest.mark.parametrize(
    ("drivers", "said"),
    [
        ([driver("one", aim_id="other")], "belongs to an aim"),
        ([driver("one", "nobody")], "drivers of the same aim"),
        (
            [driver("one"), driver("two", "three"), driver("three", "two one")],
            "no driver moves itself.*(\n.*)?three, two",
        ),
        ([driver("one", "one")], "no driver moves itself"),
        ([driver("one", kind="secondary")], "a secondary driver names"),
        ([driver("one", measure_id="unknown")], "the measure is known"),
    ],
)
def test_drivers_have_no_orphan_and_no_cycle(drivers: list[dict[str, str]], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        checked(aims=register("aims", aim()), drivers=register("drivers", *drivers))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"driver_id": "nobody"}, "a driver of its aim"),
        ({"sites": "all south"}, "the site is known"),
        ({"ends_on": "2024-01-01"}, "on or after the day"),
    ],
)
def test_change_tests_work_on_a_driver(changed: dict[str, str], said: str) -> None:
    test = {"change_test_id": "t", "aim_id": "narrow", "driver_id": "one", "starts_on": "2025-01-01", "sites": "all"}
    given = {"aims": register("aims", aim()), "drivers": register("drivers", driver("one"))}
    checked(**given, change_tests=register("change_tests", test))
    with pytest.raises(SettingsError, match=said):
        checked(**given, change_tests=register("change_tests", {**test, **changed}))


def test_a_chart_fits_its_kind_and_a_phase_starts_once() -> None:
    with pytest.raises(SettingsError, match="a rate has one of the charts"):
        checked(chart_choices=register("chart_choices", {"measure_id": "visits", "stratifier": "*", "chart": "p"}))
    phase = {"measure_id": "*", "stratifier": "*", "stratum": "*", "site": "*", "starts_on": "2024-01-01"}
    checked(chart_phases=register("chart_phases", phase))
    with pytest.raises(SettingsError, match="a baseline ends after"):
        checked(chart_phases=register("chart_phases", {**phase, "baseline_ends_on": "2023-12-31"}))
    with pytest.raises(SettingsError, match="a phase starts once"):
        checked(chart_phases=register("chart_phases", phase, phase))


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
