"""What changed between two releases is said by its rule, and nothing that one of them withholds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from orchestration.release import report_changes
from orchestration.release.change_notes import GAP_CHANGES, change_notes
from orchestration.release.columns import TABLES
from orchestration.release.guard import guard_findings
from orchestration.release.tables import Tables

KEY = ["measure_id", "site", "stratifier", "stratum", "stratum_2"]
Changed = Callable[..., pd.DataFrame]


def edited(table: pa.Table, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> pa.Table:
    frame = edit(table.to_pandas(types_mapper=pd.ArrowDtype))
    return pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False)


@pytest.fixture(scope="module")
def gap(tables: Tables) -> dict[str, Any]:
    """A shown gap of everybody's latest year."""
    years = [row for row in tables["gaps"].to_pylist() if row["grain"] == "year" and row["is_complete_period"]]
    latest = max(row["period_starts_on"] for row in years)
    return next(
        row
        for row in years
        if (row["period_starts_on"], row["site"], row["disclosure_status"]) == (latest, "all", "published")
        and row["quality_status"] == "publish"
        and not row["is_missing_category"]
    )


@pytest.fixture
def notes(tables: Tables, tmp_path: Path) -> Changed:
    """Notes on `tables` beside a release before, of which some tables were edited."""

    def compare(now: Tables | None = None, **edits: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
        folder = tmp_path / "r-0"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "tables").mkdir(parents=True)
        for name in ("measures", "strata", "gaps", "held"):
            old = edited(tables[name], edits[name]) if name in edits else tables[name]
            pq.write_table(old, folder / "tables" / f"{name}.parquet")
        found = change_notes(now or tables, folder, "r-1")
        assert found.schema.equals(TABLES["change_notes"].schema)
        return found.to_pandas()

    return compare


def of(frame: pd.DataFrame, row: dict[str, Any]) -> pd.Series[bool]:
    same = pd.Series(data=True, index=frame.index)
    for name in (*KEY, "grain", "period_starts_on"):
        same &= frame[name].isna() if pd.isna(row[name]) else frame[name].eq(row[name]).fillna(value=False).astype(bool)
    return same


def with_gap(row: dict[str, Any], *limits: float, **more: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The table with the difference and its limits in that row."""
    values = {**dict(zip(("difference", "difference_low", "difference_high"), limits, strict=False)), **more}

    def edit(frame: pd.DataFrame) -> pd.DataFrame:
        rows = of(frame, row)
        assert rows.sum() == 1
        for name, value in values.items():
            frame.loc[rows, name] = value
        return frame

    return edit


def test_the_first_release_says_that_it_is(tables: Tables) -> None:
    found = change_notes(tables, None, "r-1")
    assert found.select(["change", "release_before"]).to_pylist() == [
        {"change": "first release", "release_before": None}
    ]
    assert report_changes.changes({"change_notes": found})["is_first"]


def test_the_same_again_is_no_change(notes: Changed) -> None:
    assert notes().empty


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ((0.0, -1.0, 1.0), (5.0, 4.0, 6.0), "gap opened"),
        ((3.0, -1.0, 7.0), (5.0, 1.0, 9.0), "gap newly clear"),
        ((5.0, 4.0, 6.0), (9.0, 8.0, 10.0), "gap widened"),
        ((9.0, 8.0, 10.0), (5.0, 4.0, 6.0), "gap narrowed"),
        ((5.0, 1.0, 9.0), (4.0, -1.0, 9.0), "gap no longer clear"),
        ((9.0, 8.0, 10.0), (0.5, -0.5, 1.5), "gap closed"),
        ((5.0, 4.0, 6.0), (-5.0, -6.0, -4.0), "gap turned round"),
        ((5.0, 2.0, 8.0), (6.0, 3.0, 9.0), None),
        ((0.0, -1.0, 1.0), (0.5, -0.5, 1.5), None),
        ((-5.0, -6.0, -4.0), (-1.0, -2.0, 0.5), None),
    ],
)
def test_how_a_gap_changed(
    was: tuple[float, ...],
    now: tuple[float, ...],
    change: str | None,
    notes: Changed,
    tables: Tables,
    gap: dict[str, Any],
) -> None:
    current = {**tables, "gaps": edited(tables["gaps"], with_gap(gap, *now))}
    found = notes(current, gaps=with_gap(gap, *was))
    assert found["change"].tolist() == ([change] if change else [])
    if change:
        row = found.iloc[0]
        assert (row["release_id"], row["release_before"], row["measure_id"]) == ("r-1", "r-0", gap["measure_id"])
        assert (row["stratum_label"], row["measure_title"]) == (gap["stratum_label"], gap["measure_title"])
        assert row["before"] == "{:.3g} ({:.3g} to {:.3g})".format(*was)
        assert row["after"] == "{:.3g} ({:.3g} to {:.3g})".format(*now)


def test_one_comes_out_at_the_limits_of_a_change_by_hand(notes: Changed, tables: Tables, gap: dict[str, Any]) -> None:
    """10 (8 to 12) after 6.5 (4.5 to 8.5): the change's lower limit is 3.5 - sqrt(2² + 2²) = 0.67, above 0."""
    current = {**tables, "gaps": edited(tables["gaps"], with_gap(gap, 10.0, 8.0, 12.0))}
    assert notes(current, gaps=with_gap(gap, 6.5, 4.5, 8.5))["change"].tolist() == ["gap widened"]
    assert notes(current, gaps=with_gap(gap, 7.5, 5.5, 9.5)).empty  # 2.5 - 2.83 is below 0


@pytest.mark.parametrize(
    "hidden",
    [
        {"disclosure_status": "suppressed"},
        {"disclosure_status": "not_assessed", "quality_status": "hold"},
        {"reference_stratum": "another"},
        {"is_complete_period": False},
    ],
    ids=lambda hidden: next(iter(hidden)),
)
def test_a_gap_that_one_release_withholds_did_not_change(
    hidden: dict[str, Any], notes: Changed, tables: Tables, gap: dict[str, Any]
) -> None:
    current = {**tables, "gaps": edited(tables["gaps"], with_gap(gap, 50.0, 49.0, 51.0))}
    assert notes(current, gaps=with_gap(gap, 1.0, 0.5, 1.5))["change"].tolist() == ["gap widened"]
    found = notes(current, gaps=with_gap(gap, 1.0, 0.5, 1.5, **hidden))
    assert not found["change"].isin(GAP_CHANGES).any()


def test_held_and_released_slices(notes: Changed, tables: Tables) -> None:
    keys = ["measure_id", "grain", "period_starts_on", "site", "stratifier"]
    held, strata = (tables[name].to_pandas()[keys].drop_duplicates() for name in ("held", "strata"))
    there = held.merge(strata)  # what neither release has, is not newly held
    assert 0 < len(there) < len(held)
    found = notes(held=lambda frame: frame.iloc[:0])
    assert set(found["change"]) == {"newly held"} and len(found) == len(there)
    assert set(found["before"]) == {"publish"} and set(found["after"]) == {"hold"}
    current = {**tables, "held": tables["held"].slice(0, 0)}
    assert set(notes(current)["change"]) == {"newly released"}


def test_values_that_are_suppressed_or_shown_now(notes: Changed, tables: Tables) -> None:
    strata = tables["strata"].to_pandas()
    rows = strata["grain"].eq("year") & strata["quality_status"].ne("hold")
    shown = strata[rows & strata["disclosure_status"].eq("published")].iloc[0].to_dict()
    hidden = strata[rows & strata["disclosure_status"].eq("suppressed")].iloc[0].to_dict()
    found = notes(strata=with_gap(shown, disclosure_status="suppressed"))
    assert found[["change", "before", "after"]].to_numpy().tolist() == [["newly shown", "suppressed", "published"]]
    found = notes(strata=with_gap(hidden, disclosure_status="published"))
    assert found["change"].tolist() == ["newly suppressed"]
    # Held before: no number was looked at, so nothing is said of hiding.
    held = with_gap(hidden, disclosure_status="published", quality_status="hold")
    assert "newly suppressed" not in notes(strata=held)["change"].tolist()


def test_periods_measures_and_groupings_that_came_or_went(notes: Changed, tables: Tables) -> None:
    first = min(row for row in tables["strata"].column("period_starts_on").to_pylist())
    measure = tables["measures"].column("measure_id")[0].as_py()
    found = notes(
        strata=lambda frame: frame[frame["period_starts_on"].ne(first) & frame["stratifier"].ne("sex")],
        measures=lambda frame: frame[frame["measure_id"].ne(measure)],
    )
    said = found.groupby("change").size().to_dict()
    assert said["new measure"] == 1 and said["new grouping"] == 1 and said["new period"] >= 1
    assert found.loc[found["change"] == "new grouping", "stratifier_label"].notna().all()
    current = {**tables, "measures": edited(tables["measures"], lambda frame: frame[frame["measure_id"].ne(measure)])}
    assert notes(current)["change"].tolist() == ["measure left"]


def test_a_definition_that_changed_is_shown_before_and_after(notes: Changed, tables: Tables) -> None:
    def edit(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[0, "exclusions"] = "nobody at all"
        return frame

    found = notes(measures=edit)
    now = tables["measures"].column("exclusions")[0].as_py() or ""
    assert found[["change", "before", "after"]].to_numpy().tolist() == [
        ["definition changed", "exclusions: nobody at all", f"exclusions: {now}"]
    ]


def test_a_release_whose_tables_cannot_be_read_is_not_compared(tables: Tables, tmp_path: Path) -> None:
    found = change_notes(tables, tmp_path / "r-0", "r-1")
    assert found.column("change").to_pylist() == ["not compared"]
    (tmp_path / "r-0" / "tables").mkdir(parents=True)
    for name in ("measures", "strata", "gaps", "held"):
        (tmp_path / "r-0" / "tables" / f"{name}.parquet").write_bytes(b"PAR1")
    assert change_notes(tables, tmp_path / "r-0", "r-1").column("change").to_pylist() == ["not compared"]
    assert not report_changes.changes({"change_notes": found})["is_compared"]


def test_the_guard_refuses_a_gap_s_change_that_no_published_gap_stands_beside(
    notes: Changed, tables: Tables, gap: dict[str, Any]
) -> None:
    current = {**tables, "gaps": edited(tables["gaps"], with_gap(gap, 50.0, 49.0, 51.0))}
    found = notes(current, gaps=with_gap(gap, 1.0, 0.5, 1.5))
    stamped = found.assign(release_id=tables["measures"].column("release_id")[0].as_py())
    schema = TABLES["change_notes"].schema
    table = pa.Table.from_pandas(stamped, schema=schema, preserve_index=False)
    assert not [line for line in guard_findings({**tables, "change_notes": table}, 11) if "change_notes" in line]
    moved = pa.Table.from_pandas(stamped.assign(stratum="nobody"), schema=schema, preserve_index=False)
    assert [line for line in guard_findings({**tables, "change_notes": moved}, 11) if "published gaps" in line]
    other = pa.Table.from_pandas(stamped.assign(change="improved"), schema=schema, preserve_index=False)
    assert [line for line in guard_findings({**tables, "change_notes": other}, 11) if "vocabulary" in line]


def test_the_report_lists_gaps_of_all_sites_and_counts_the_rest(
    notes: Changed, tables: Tables, gap: dict[str, Any]
) -> None:
    current = {**tables, "gaps": edited(tables["gaps"], with_gap(gap, 50.0, 49.0, 51.0))}
    found = notes(current, gaps=with_gap(gap, 1.0, 0.5, 1.5), held=lambda frame: frame.iloc[:0])
    table = pa.Table.from_pandas(found, schema=TABLES["change_notes"].schema, preserve_index=False)
    said = report_changes.changes({"change_notes": table})
    assert (said["before"], said["is_compared"], len(said["gaps"])) == ("r-0", True, 1)
    assert said["gaps"][0]["change"] == "Widened" and said["gaps"][0]["after"] == "50 (49 to 51)"
    assert report_changes.in_words(said["counted"]).startswith("gaps that widened: 1, ")
    assert report_changes.in_words([]) == "nothing changed"
