"""One kind of source to be measured, and what several kinds have in common."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

AS_OF = dt.date(2026, 6, 30)
# What stands in the settings, and which variables the environment of the pull needs.
Setup = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class Case:
    """`make` writes about so many records into a folder and `count` counts them.

    `serve` is open while the pull goes on: it starts what answers the pull, if anything, and says how settings name it.
    """

    make: Callable[[Path, int], None]
    count: Callable[[Path], int]
    serve: Callable[[Path], AbstractContextManager[Setup]]


def files(settings: str) -> Callable[[Path], AbstractContextManager[Setup]]:
    """For a source that needs nothing but the files in the folder."""

    @contextmanager
    def serve(folder: Path) -> Iterator[Setup]:
        yield settings, {}

    return serve


def lines(pattern: str, *, header: bool = False) -> Callable[[Path], int]:
    """Counts the lines of the folder's files of that pattern, without a header each where there is one."""

    def count(folder: Path) -> int:
        n_lines = 0
        for path in sorted(folder.glob(pattern)):
            n_lines -= int(header)
            with path.open("rb") as file:
                while block := file.read(1 << 24):
                    n_lines += block.count(b"\n")
        return n_lines

    return count


def registry(form: str, records_per_child: int) -> Callable[[Path, int], None]:
    """A writer of the invented registry in the form that `equity synth --format` gives."""

    def make(folder: Path, n_records: int) -> None:
        from orchestration.synthetic.formats import write_registry

        write_registry(folder, form, patients=max(200, n_records // records_per_child), as_of=AS_OF)

    return make


def written(folder: Path, name: str, query: str) -> None:
    """The result of a query as a CSV file with a header."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"copy ({query}) to '{folder / name}' (header)")
