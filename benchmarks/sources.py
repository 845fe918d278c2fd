"""Measures the pull of each kind of source alone: records per second and peak memory, in a process of its own.

`python -m benchmarks.sources` measures every kind on the same invented registry, and neighborhoods on invented tracts.
A kind is one entry in CASES. Synthea's files are mapped like any registry's; what a server answers ends in `fhir_files`
or in the files of `omop`, and its own speed is not ours.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import measured

AS_OF = dt.date(2026, 6, 30)
SETTINGS = """title = "Benchmark registry (invented data)"
as_of = {as_of}

[[sources]]
name = "registry"
{source}
"""
AREA = """type = "area_files"
path = "registry/tracts.csv"
tract_column = "tract_geoid"
tract_vintage = 2020
data_year = 2023
measures = [
    {measure = "child_population", column = "child_population", direction = "count"},
    {measure = "poverty", column = "poverty_share", direction = "higher_is_worse"},
    {measure = "deprivation", column = "deprivation_index", direction = "higher_is_worse"},
]"""


@dataclass(frozen=True)
class Case:
    """`make` writes about so many records into a folder, `count` counts them; `source` is how settings name it."""

    make: Callable[[Path, int], None]
    count: Callable[[Path], int]
    source: str


def _registry(form: str, records_per_child: int) -> Callable[[Path, int], None]:
    """A writer of the invented registry in the form that `equity synth --format` gives."""

    def make(folder: Path, n_records: int) -> None:
        from orchestration.synthetic.formats import write_registry

        write_registry(folder, form, patients=max(200, n_records // records_per_child), as_of=AS_OF)

    return make


def _omop_database(folder: Path, n_records: int) -> None:
    """The same as tables of one DuckDB file."""
    import duckdb

    _registry("omop", 47)(folder, n_records)
    with duckdb.connect(str(folder / "omop.duckdb")) as con:
        for path in sorted(folder.glob("*.csv")):
            if path.stem != "tracts":
                con.execute(f"create table {path.stem} as from read_csv('{path}', all_varchar = true)")


def _tracts(folder: Path, n_records: int) -> None:
    """Invented tracts, three measures each."""
    import duckdb

    folder.mkdir(parents=True)
    duckdb.execute(
        f"""copy (
            select lpad(cast(10001000000 + i as varchar), 11, '0') as tract_geoid, 200 + i % 900 as child_population,
                (i % 61) / 100.0 as poverty_share, (i % 97) / 100.0 as deprivation_index
            from range({n_records // 3}) as tracts (i)
        ) to '{folder / "tracts.csv"}' (header)"""
    )
    (folder / "truth.json").write_text("{}", encoding="utf-8")


def _lines(pattern: str) -> Callable[[Path], int]:
    def count(folder: Path) -> int:
        n_lines = 0
        for path in sorted(folder.glob(pattern)):
            with path.open("rb") as file:
                while block := file.read(1 << 24):
                    n_lines += block.count(b"\n")
        return n_lines

    return count


# Type of source: how it is made and counted.
CASES: dict[str, Case] = {
    "registry_files": Case(_registry("csv", 34), _lines("*.csv"), 'type = "registry_files"\npath = "registry"'),
    "fhir_files": Case(_registry("fhir", 37), _lines("*.ndjson"), 'type = "fhir_files"\npath = "registry"'),
    "omop": Case(_registry("omop", 47), _lines("*.csv"), 'type = "omop"\npath = "registry"'),
    "omop_database": Case(_omop_database, _lines("*.csv"), 'type = "omop"\npath = "registry/omop.duckdb"'),
    "area_files": Case(_tracts, lambda folder: 3 * (_lines("*.csv")(folder) - 1), AREA),
}


def pull(settings_file: Path) -> None:
    """Pull the only source of these settings into an empty raw zone."""
    from orchestration.settings import load_settings
    from orchestration.sources.pull import pull_source

    settings = load_settings(settings_file)
    for file in pull_source(settings.sources[0], settings, lambda words: None):
        if file.skipped:
            sys.exit(f"{file.source_file} was there already")


def compare(folder: Path, kind: str, n_records: int) -> None:
    """Generate the registry when it is missing, pull it in a new process and print what that cost."""
    case = CASES[kind]
    registry = folder / "registry"
    if not (registry / "truth.json").exists():
        print(f"{kind}: generating about {n_records:,} records …", flush=True)
        shutil.rmtree(registry, ignore_errors=True)
        case.make(registry, n_records)
    (folder / "equity.toml").write_text(SETTINGS.format(as_of=AS_OF, source=case.source), encoding="utf-8")
    shutil.rmtree(folder / "var", ignore_errors=True)
    found = measured([sys.executable, "-m", "benchmarks.sources", "--pull", str(folder / "equity.toml")])
    n, megabytes = case.count(registry), sum(path.stat().st_size for path in registry.iterdir()) / 1e6
    print(
        f"{kind:16} {n:>11,} records {megabytes:8,.0f} MB {found.wall_seconds:7.1f} s wall"
        f" {found.cpu_seconds:7.1f} s CPU {n / found.wall_seconds:>10,.0f} records/s {found.peak_mb:7,.0f} MB peak",
        flush=True,
    )


def main() -> None:
    """Measure the kinds asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks.sources", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=[], help=f"of {', '.join(CASES)}; default all")
    parser.add_argument("--records", type=int, default=1_000_000, help="about how many; default 1,000,000")
    parser.add_argument("--folder", type=Path, default=Path("var/bench_sources"), help="where registries are kept")
    parser.add_argument("--pull", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pull:
        pull(arguments.pull)
        return
    unknown = sorted(set(arguments.kinds) - set(CASES))
    if unknown:
        parser.error(f"{unknown[0]} is not one of {', '.join(CASES)}")
    for kind in arguments.kinds or CASES:
        folder = (arguments.folder / f"{kind}_{arguments.records}").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        compare(folder, kind, arguments.records)


if __name__ == "__main__":
    main()
