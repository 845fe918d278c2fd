"""Measures the pull of each kind of source alone: records per second and peak memory, in a process of its own.

`python -m benchmarks.sources` measures every kind on invented data, which `benchmarks.cases` makes. Where a server
answers, it runs on loopback in the process that measures: its seconds are in the wall time and not in the CPU time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from benchmarks.cases.area import CASES as AREA
from benchmarks.cases.case import AS_OF
from benchmarks.cases.ehr import CASES as EHR
from benchmarks.measure import measured
from tests.support.postgres_server import programs

CASES = {**EHR, **AREA}
SETTINGS = """title = "Benchmark data (invented)"
as_of = {as_of}

[[sources]]
name = "registry"
{source}
"""


def pull(settings_file: Path) -> None:
    """Pull the last source of these settings into an empty raw zone."""
    from orchestration.settings import load_settings
    from orchestration.sources.pull import pull_source

    settings = load_settings(settings_file)
    for file in pull_source(settings.sources[-1], settings, lambda words: None):
        if file.skipped:
            sys.exit(f"{file.source_file} was there already")


def compare(folder: Path, kind: str, n_records: int) -> None:
    """Make the data when they are missing, pull them in a new process and print what that cost."""
    case = CASES[kind]
    data, made = folder / "registry", folder / "made"
    if not made.exists():
        print(f"{kind}: generating about {n_records:,} records …", flush=True)
        shutil.rmtree(data, ignore_errors=True)
        case.make(data, n_records)
        made.touch()
    n, megabytes = case.count(data), sum(path.stat().st_size for path in data.iterdir()) / 1e6
    shutil.rmtree(folder / "var", ignore_errors=True)
    with case.serve(data) as (source, variables):
        (folder / "equity.toml").write_text(SETTINGS.format(as_of=AS_OF, source=source), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.sources", "--pull", str(folder / "equity.toml")]
        found = measured(command, {**os.environ, **variables})
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
    parser.add_argument("--folder", type=Path, default=Path("var/bench_sources"), help="where the data are kept")
    parser.add_argument("--pull", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pull:
        pull(arguments.pull)
        return
    unknown = sorted(set(arguments.kinds) - set(CASES))
    if unknown:
        parser.error(f"{unknown[0]} is not one of {', '.join(CASES)}")
    for kind in arguments.kinds or CASES:
        if kind == "omop_postgres" and programs() is None:
            print(f"{kind:16} not measured: PostgreSQL is not installed (Debian: apt-get install postgresql)")
            continue
        folder = (arguments.folder / f"{kind}_{arguments.records}").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        compare(folder, kind, arguments.records)


if __name__ == "__main__":
    main()
