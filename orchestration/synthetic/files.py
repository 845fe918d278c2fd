"""Writes the tables, block by block, as Parquet or CSV; the same rows give the same bytes."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestration.synthetic.faults import FIRST_DAY_COLUMN, Around, FaultLedger
from orchestration.synthetic.layout import ROW_IDS, TABLES, Rows, take_rows, to_table

FileFormat = Literal["csv", "parquet"]
ROW_GROUP_ROWS = 1_000_000
_NOT_DATES = ("31/02/2024", "2024-13-01", "not known", "00-00-0000")
_UNREADABLE_TABLES = ("encounters", "observations", "patients")
_CSV_OPTIONS = pa_csv.WriteOptions(include_header=False, quoting_style="none", batch_size=65_536)


class TableFile:
    """One table's file, open for blocks of rows."""

    def __init__(self, directory: Path, table: str, file_format: FileFormat, tract_words: tuple[str, ...]) -> None:
        """Open `<table>.<file_format>` in `directory`; `tract_words` spells the tracts of its rows."""
        self.table, self.tract_words, self.n_rows = table, tract_words, 0
        self.path = directory / f"{table}.{file_format}"
        self._parquet: pq.ParquetWriter | None = None
        self._csv = self.path.open("wb") if file_format == "csv" else None
        if self._csv is not None:
            self._csv.write((",".join(column.name for column in TABLES[table]) + "\n").encode())

    def __enter__(self) -> Self:
        """For use in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._parquet is not None:
            self._parquet.close()
        if self._csv is not None:
            self._csv.close()

    def write(self, rows: Rows) -> None:
        """Append a block of rows."""
        table = to_table(self.table, rows, self.tract_words)
        self.n_rows += table.num_rows
        if self._csv is not None:
            pa_csv.write_csv(_as_text(table), self._csv, _CSV_OPTIONS)
            return
        if self._parquet is None:
            row_id = ROW_IDS.get(self.table)
            repeated = [name for name in table.column_names if name != row_id]
            # without the Arrow schema the words are plain text columns for every reader
            self._parquet = pq.ParquetWriter(
                self.path, table.schema, compression="zstd", compression_level=1, use_dictionary=repeated,
                dictionary_pagesize_limit=8 << 20, store_schema=False,
            )  # fmt: skip
        self._parquet.write_table(table, row_group_size=ROW_GROUP_ROWS)

    def write_unreadable(self, rows: Rows, share: float, around: Around) -> None:
        """In CSV only: copies of a few rows whose first date is no date, and lines with more fields than columns."""
        if self._csv is None:
            return
        n_rows = len(rows["patient_id"])
        each = min(max(1, round(share * n_rows)), n_rows // 2)
        chosen = around.rng.choice(n_rows, size=2 * each, replace=False, shuffle=False)
        lines = self._lines(take_rows(rows, chosen), around.ledger)
        position = [column.name for column in TABLES[self.table]].index(FIRST_DAY_COLUMN[self.table])
        for number, line in enumerate(lines[:each]):
            line[position] = _NOT_DATES[number % len(_NOT_DATES)]
        around.ledger.count(self.table, "unparsable_date", each)
        kept = lines[:each]
        if self.table in _UNREADABLE_TABLES:
            kept += [[*line, "extra", "extra"] for line in lines[each:]]
            around.ledger.count(self.table, "too_many_columns", each)
        self.n_rows += len(kept)
        self._csv.write(("\n".join(",".join(line) for line in kept) + "\n").encode())

    def _lines(self, rows: Rows, ledger: FaultLedger) -> list[list[str]]:
        row_id = ROW_IDS.get(self.table)
        if row_id is not None:
            rows[row_id] = ledger.fresh(row_id, len(rows[row_id]))
        table = _as_text(to_table(self.table, rows, self.tract_words))
        columns = [[value or "" for value in pc.cast(column, pa.string()).to_pylist()] for column in table.columns]
        return [list(line) for line in zip(*columns, strict=True)]


def _as_text(table: pa.Table) -> pa.Table:
    """Vocabularies spelled out; the CSV writer takes the other types as they are."""
    spelled = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.columns]
    return pa.table(spelled, names=table.column_names)
