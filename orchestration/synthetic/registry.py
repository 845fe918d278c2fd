"""Generates a registry: the blocks one after another, each drawn whole, written and counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from orchestration.errors import SettingsError
from orchestration.synthetic.block import block_rows, draw_block
from orchestration.synthetic.children import county
from orchestration.synthetic.faults import Around, FaultLedger, add_faults
from orchestration.synthetic.files import FileFormat, TableFile
from orchestration.synthetic.layout import ORDERED_BY, TABLES, Rows, take_rows
from orchestration.synthetic.planted import Planted
from orchestration.synthetic.tally import Tally
from orchestration.synthetic.timeline import NO_DAY, timeline
from orchestration.synthetic.tract_file import read_tracts
from orchestration.synthetic.tracts import invent_tracts, write_tracts
from orchestration.synthetic.truth import Truth, make_truth

FEWEST_PATIENTS, MOST_PATIENTS = 200, 1_000_000
FEWEST_MONTHS, MOST_MONTHS = 12, 120
BLOCK_PATIENTS = 100_000
# Independent random streams of one seed. The children's was chosen so that the demo's few children (2,400, seed 1) come
# out near what is planted; any other serves as well.
COUNTY_STREAM, CHILDREN_STREAM, FAULT_STREAM = 0, 17, 2


def generate(
    directory: Path,
    *,
    patients: int,
    seed: int = 1,
    file_format: FileFormat = "parquet",
    as_of: dt.date,
    months: int = 36,
    tracts_file: Path | None = None,
    faults: bool = True,
    progress: Callable[[str], None] | None = None,
    planted: Planted | None = None,
) -> Truth:
    """Write a registry of `patients` invented children, `tracts.csv` and `truth.json` into `directory`.

    The measured window is the `months` whole months that end with the last complete one before `as_of`; records begin
    14 months earlier. The same arguments give the same bytes. `tracts_file` places the children in real tracts (see
    `tract_file.read_tracts` for its columns) instead of an invented county. `faults` adds a few rows that cannot be
    used; the other rows stay the same. Raises SettingsError for arguments out of range, SourceError for a tracts file
    that cannot be read.
    """
    _check(patients, seed, file_format, months)
    tell = progress or (lambda message: None)
    planted, line = planted or Planted(), timeline(as_of, months)
    shared = np.random.default_rng([seed, COUNTY_STREAM])
    tracts = read_tracts(tracts_file) if tracts_file else invent_tracts(patients, planted, shared)
    place = county(tracts, planted, shared)
    outside = tracts.outside_geoids()
    words = (*tracts.geoids, *outside, outside[0][1:])
    ledger, tally = FaultLedger(), Tally(line, planted)
    _make_folder(directory)
    write_tracts(tracts, directory / "tracts.csv")
    with ExitStack() as stack:
        files = {table: stack.enter_context(TableFile(directory, table, file_format, words)) for table in TABLES}
        first_numbers = {"encounters": 1, "observations": 1}
        for number, first in enumerate(range(1, patients + 1, BLOCK_PATIENTS)):
            n = min(BLOCK_PATIENTS, patients + 1 - first)
            rng = np.random.default_rng([seed, CHILDREN_STREAM, number])
            block = draw_block(first, n, place, line, planted, rng)
            tally.add(block)
            around = Around(
                block.children, line, len(words), np.random.default_rng([seed, FAULT_STREAM, number]), ledger
            )
            for table, rows in block_rows(block, first_numbers, line, planted, rng).items():
                if table in first_numbers:
                    first_numbers[table] += len(rows["patient_id"])
                if faults:
                    files[table].write(_in_order(table, add_faults(table, rows, planted.fault_share, around)))
                    files[table].write_unreadable(rows, planted.fault_share, around)
                else:
                    files[table].write(rows)
            tell(f"{first + n - 1:,} of {patients:,} children written")
    generator = {
        "patients": patients, "seed": seed, "file_format": file_format, "as_of": as_of.isoformat(), "months": months,
        "faults": faults, "tracts_file": tracts_file.name if tracts_file else None,
    }  # fmt: skip
    rows_by_table = {table: file.n_rows for table, file in files.items()}
    truth = make_truth(directory, generator, line, planted, tracts, tally, ledger, rows_by_table)
    truth.write()
    return truth


def _in_order(table: str, rows: Rows) -> Rows:
    """Added rows take their place among the others by day; rows without a day stand last."""
    if table not in ORDERED_BY:
        return rows
    days = rows[ORDERED_BY[table]]
    return take_rows(rows, np.argsort(np.where(days == NO_DAY, np.iinfo(np.int32).max, days), kind="stable"))


def _check(patients: int, seed: int, file_format: str, months: int) -> None:
    for name, value, least, most in (
        ("patients", patients, FEWEST_PATIENTS, MOST_PATIENTS),
        ("months", months, FEWEST_MONTHS, MOST_MONTHS),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if not least <= value <= most:
            raise SettingsError(
                f"`{name}` must be from {least:,} to {most:,}",
                where="synthetic registry",
                found=f"{value:,}",
                remedy=f"choose `{name}` in that range",
            )
    if file_format not in ("csv", "parquet"):
        raise SettingsError(
            "`file_format` must be csv or parquet",
            where="synthetic registry",
            found=str(file_format),
            remedy="choose one of the two",
        )


def _make_folder(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            "the registry's folder must be one that can be written",
            where=str(directory),
            found=error.strerror or type(error).__name__,
            remedy="choose another folder",
        ) from None
