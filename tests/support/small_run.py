"""Runs the whole job on a small invented registry, as `equity run` does, and commands as a user would."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestration.settings import (
    DEMO_AS_OF,
    AreaFilesSource,
    RegistryFilesSource,
    Settings,
    Source,
    Window,
    demo_settings,
)

if TYPE_CHECKING:
    import dagster as dg

CHILDREN, MONTHS = 300, 12


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def settings_for(folder: Path, data_dir: Path, as_of: dt.date = DEMO_AS_OF, months: int = MONTHS) -> Settings:
    """Settings for a registry that lies in `folder`, with the demo's area measures."""
    sources: list[Source] = []
    for source in demo_settings(data_dir).sources:
        path = folder / "tracts.csv" if isinstance(source, AreaFilesSource) else folder
        sources.append(source.model_copy(update={"path": path}))
    assert isinstance(sources[0], RegistryFilesSource)
    return Settings(
        title="Small registry", data_dir=data_dir, as_of=as_of, window=Window(months=months), sources=tuple(sources)
    )


def publish(folder: Path) -> Settings:
    """Generate a registry in `folder` and run the whole job on it."""
    from orchestration.synthetic.registry import generate

    generate(folder / "registry", patients=CHILDREN, as_of=DEMO_AS_OF, months=MONTHS)
    settings = settings_for(folder / "registry", folder / "var")
    run_job(settings)
    return settings


def run_job(settings: Settings, selection: Sequence[dg.AssetKey] = ()) -> str:
    """Launch the job, or part of it, as the command line does; returns the run's id."""
    from orchestration.definitions import build_definitions
    from orchestration.defs.launch import launch

    return launch(build_definitions(settings), settings, selection)


def copy_of(settings: Settings, data_dir: Path) -> Settings:
    """The same data folder elsewhere."""
    shutil.copytree(settings.data_dir, data_dir, symlinks=True)
    return settings.model_copy(update={"data_dir": data_dir})


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    """Run one `equity` command in this process."""
    from orchestration.cli.app import main

    capsys.readouterr()
    try:
        main([str(argument) for argument in arguments])
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsys.readouterr()
    return Ended(code, captured.out, captured.err)
