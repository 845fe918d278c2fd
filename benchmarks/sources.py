"""Measures the pull of each kind of EHR source alone: records per second and peak memory, in a process of its own.

`python -m benchmarks.sources` measures every kind on the same invented registry. A kind is one entry in CASES.
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
type = "{kind}"
name = "registry"
path = "registry"
"""


@dataclass(frozen=True)
class Case:
    """`form`: the registry's form for `equity synth --format`; `count`: the records in the folder; about so many of
    them come of one child.
    """

    form: str
    count: Callable[[Path], int]
    records_per_child: int


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
    "registry_files": Case("csv", _lines("*.csv"), 34),
    "fhir_files": Case("fhir", _lines("*.ndjson"), 37),
    "omop": Case("omop", _lines("*.csv"), 47),
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
    from orchestration.synthetic.formats import write_registry

    case = CASES[kind]
    registry = folder / "registry"
    if not (registry / "truth.json").exists():
        print(f"{kind}: generating about {n_records:,} records …", flush=True)
        shutil.rmtree(registry, ignore_errors=True)
        write_registry(registry, case.form, patients=max(200, n_records // case.records_per_child), as_of=AS_OF)
    (folder / "equity.toml").write_text(SETTINGS.format(as_of=AS_OF, kind=kind), encoding="utf-8")
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
