"""Pulls Synthea's CSV export: files with a mapping of its own, `mapping.yml` beside this module."""

from __future__ import annotations

from pathlib import Path

from orchestration.settings import RegistryFilesSource
from orchestration.settings_omop import SyntheaSource

MAPPING = Path(__file__).with_name("mapping.yml")


def as_registry_files(source: SyntheaSource) -> RegistryFilesSource:
    """The same source as files with a mapping."""
    return RegistryFilesSource(name=source.name, path=source.path, mapping=MAPPING)
