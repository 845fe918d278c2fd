"""What `equity doctor` looks at, one finding at a time: versions, settings, sources, data folder, release, dbt."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from orchestration import settings_area as area
from orchestration.errors import EquityError
from orchestration.settings import (
    POLICY_MIN_CELL,
    AreaFilesSource,
    IdentityMapSource,
    RegistryFilesSource,
    Settings,
    Source,
    secret,
)
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.settings_omop import OmopSource, SyntheaSource
from orchestration.sources.raw_zone import zone_of

_PACKAGES = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "pandas")
_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One line: `wrong` would end a run, `note` would not."""

    state: Literal["ok", "note", "wrong"]
    what: str
    words: str


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything that a run needs, in the order that it needs it."""
    yield from _versions()
    yield from _settings(settings)
    for source in settings.sources:
        yield _source(source, settings)
    yield from _data_dir(settings)
    yield from _warehouse(settings)
    yield from _registers(settings)
    yield _release(settings)
    yield _dbt()


def _registers(settings: Settings) -> Iterator[Finding]:
    """The team's registers, and what is kept between runs."""
    from orchestration.cli.findings_registers import fit
    from orchestration.registers.chart_baselines import read_chart_baselines
    from orchestration.registers.reading import read_registers
    from orchestration.release.references import read_references

    try:
        registers = read_registers(settings.registers)
        rows = ", ".join(f"{len(frame):,} in {name}" for name, frame in registers.frames().items())
        words = (
            f"{rows}; {fit(registers, settings)}" if settings.registers else "none: no aims, change tests or drivers"
        )
        yield Finding("ok", "registers", words)
    except EquityError as error:
        yield Finding("wrong", "registers", str(error))
    try:
        kept = read_references(settings.references_path)
        points = read_chart_baselines(settings.chart_baselines_path)
        frozen = 0 if kept is None else len(kept)
        yield Finding("ok", "kept", f"{frozen:,} references, {len(points):,} points of chart baselines")
    except EquityError as error:
        yield Finding("wrong", "kept", str(error))


def _versions() -> Iterator[Finding]:
    yield Finding("ok", "Python", platform.python_version())
    missing = []
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield Finding("ok", "packages", ", ".join(found))
    if missing:
        yield Finding("wrong", "packages", f"missing: {', '.join(missing)}; `make setup` installs them")


def _settings(settings: Settings) -> Iterator[Finding]:
    where = (
        str(settings.settings_file) if settings.settings_file else "none: the built-in demo (`equity init` writes one)"
    )
    yield Finding("ok", "settings", where)
    starts, ends = settings.window_bounds()
    yield Finding("ok", "window", f"{starts} to {ends}, as of {settings.effective_as_of()}")
    if settings.disclosure.min_cell < POLICY_MIN_CELL:
        words = f"min_cell {settings.disclosure.min_cell} is below the {POLICY_MIN_CELL} of the CMS cell size policy"
        yield Finding("note", "disclosure", words)
    else:
        yield Finding("ok", "disclosure", f"counts below {settings.disclosure.min_cell} are suppressed")
    if not settings.sources:
        yield Finding("wrong", "sources", "none is configured; `equity init --print` shows how")
    try:
        from orchestration.quality.thresholds import load_profile

        load_profile(settings.gate.profile)
        yield Finding("ok", "gate", f"profile {settings.gate.profile}")
    except EquityError as error:
        yield Finding("wrong", "gate", str(error))


def _source(source: Source, settings: Settings) -> Finding:
    if isinstance(source, SyntheaSource):
        from orchestration.sources.synthea import as_registry_files

        return _registry(as_registry_files(source), settings)
    if isinstance(source, OmopSource):
        return _omop(source)
    if isinstance(source, IdentityMapSource):
        return _identity_map(source)
    if isinstance(source, RegistryFilesSource):
        return _registry(source, settings)
    if isinstance(source, FhirBulkSource):
        from orchestration.cli.findings_fhir_bulk import bulk_finding

        return Finding(*bulk_finding(source))
    if isinstance(source, FhirFilesSource):
        return _fhir(source)
    if isinstance(source, AreaFilesSource):
        return _area(source, settings)
    if isinstance(source, area.CensusAcsSource):
        return _census(source, settings)
    return _file(source)


def _census(source: area.CensusAcsSource, settings: Settings) -> Finding:
    """The server is not asked: what is here is looked at."""
    what = f"source {source.name}"
    counties = source.counties or settings.catchment_counties
    if not counties:
        return Finding("wrong", what, "for which counties? Name `counties`, or `catchment_counties`")
    pulled = zone_of(settings.raw_dir, source.name).has_been_pulled()
    try:
        secret(source.api_key_variable, setting="api_key_variable")
    except EquityError:
        words = f"no key in {source.api_key_variable}"
        return Finding("note" if pulled else "wrong", what, f"{words}; what was pulled is kept" if pulled else words)
    places = f"{len(counties)} county" if len(counties) == 1 else f"{len(counties)} counties"
    words = f"ACS {source.year - 4}-{source.year}, {places}, tracts of {source.tract_vintage}"
    return Finding("ok", what, words + ("" if pulled else "; not pulled yet"))


def _file(source: area.FileSource) -> Finding:
    what = f"source {source.name}"
    paths = [value for _, value in source if isinstance(value, Path)]
    for path in paths:
        if not path.is_file() or not os.access(path, os.R_OK):
            reason = "may not be read" if path.is_file() else "no such file"
            return Finding("wrong", what, f"{path}: {reason}")
    if isinstance(source, area.AcsFilesSource):
        from orchestration.sources.acs_files import look

        try:
            look(source)
        except EquityError as error:
            return Finding("wrong", what, str(error))
    vintage = "" if isinstance(source, area.TractCrosswalkSource) else f", tracts of {source.tract_vintage}"
    return Finding("ok", what, f"{', '.join(map(str, paths))}: {source.type}{vintage}")


def _identity_map(source: IdentityMapSource) -> Finding:
    from orchestration.sources.identity_map import HEADER, own_column
    from orchestration.sources.reading import opened

    what = f"source {source.name}"
    try:
        file = opened(source.path, str(source.path))
        for wanted in HEADER.values():
            own_column(file, wanted)
    except EquityError as error:
        return Finding("wrong", what, str(error))
    return Finding("ok", what, f"{source.path}: which records are one person")


def _omop(source: OmopSource) -> Finding:
    from orchestration.sources.omop.look import look

    what = f"source {source.name}"
    try:
        words, notes = look(source)
    except EquityError as error:
        return Finding("wrong", what, str(error))
    return Finding("note" if notes else "ok", what, "; ".join([words, *notes]))


def _registry(source: RegistryFilesSource, settings: Settings) -> Finding:
    from orchestration.sources.registry_files import look

    what = f"source {source.name}"
    if settings.demo and not source.path.exists():
        return Finding("ok", what, "the demo registry is made at the first run")
    try:
        plan = look(source)
    except EquityError as error:
        return Finding("wrong", what, str(error))
    tables = sorted({file.table.name for file in plan.files})
    words = f"{source.path}: {len(plan.files)} file(s) for {', '.join(tables)}"
    return Finding("note" if plan.notes else "ok", what, "; ".join([words, *plan.notes]))


def _fhir(source: FhirFilesSource) -> Finding:
    from orchestration.sources.fhir.resources import TYPES
    from orchestration.sources.fhir_files import plan_files

    what = f"source {source.name}"
    try:
        plan = plan_files(source)
    except EquityError as error:
        return Finding("wrong", what, str(error))
    unreadable = [file.path.name for file in plan.files if not os.access(file.path, os.R_OK)]
    if unreadable:
        return Finding("wrong", what, f"{source.path}: may not be read: {', '.join(unreadable)}")
    kinds = sorted({file.resource_type for file in plan.files if file.resource_type in TYPES})
    if "Patient" not in kinds:
        return Finding("wrong", what, f"{source.path}: no file of Patient resources")
    words = f"{source.path}: {len(plan.files)} file(s), {', '.join(kinds)}"
    return Finding("note" if plan.notes else "ok", what, "; ".join([words, *plan.notes]))


def _area(source: AreaFilesSource, settings: Settings) -> Finding:
    what = f"source {source.name}"
    if settings.demo and not source.path.exists():
        return Finding("ok", what, "the demo's tracts are made at the first run")
    try:
        with source.path.open("r", encoding="utf-8-sig") as file:
            header = {name.strip().strip('"') for name in file.readline().split(",")}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        return Finding("wrong", what, f"{source.path}: {reason}")
    missing = sorted({source.tract_column, *(measure.column for measure in source.measures)} - header)
    if missing:
        return Finding("wrong", what, f"{source.path}: no column {', '.join(missing)}")
    return Finding("ok", what, f"{source.path}: {len(source.measures)} measures, tracts of {source.tract_vintage}")


def _data_dir(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Finding("wrong", "data folder", f"{path}: may not be written")
        return
    free = shutil.disk_usage(existing).free
    words = f"{path}: {free / 1024**3:.0f} GiB free" + ("" if path.is_dir() else ", made at the first run")
    yield Finding("ok" if free > _FREE_BYTES else "note", "data folder", words)


def _warehouse(settings: Settings) -> Iterator[Finding]:
    from orchestration.defs.resources.run_lock import holder

    busy = holder(settings.data_dir)
    yield Finding("note" if busy else "ok", "run lock", busy or "free")
    marts = settings.marts_dir / "current.duckdb"
    yield Finding("ok" if marts.is_file() else "note", "marts", str(marts.resolve()) if marts.is_file() else "none yet")


def _release(settings: Settings) -> Finding:
    from orchestration.release.store import current_release

    path: Path | None = current_release(settings)
    return Finding(
        "ok" if path else "note", "current release", str(path) if path else "none yet; `equity run` publishes one"
    )


def _dbt() -> Finding:
    from orchestration.defs.dbt_project import PROJECT_DIR, is_parsed

    words = "parsed" if is_parsed() else "not parsed since it changed; the next run does that (about 3 s)"
    return Finding("ok", "dbt project", f"{PROJECT_DIR}: {words}")
