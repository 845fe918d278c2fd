"""Builds whole releases for tests and edits them afterwards, as somebody who tampers with one would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from orchestration.release.build import ReleaseResult, build_release
from orchestration.release.manifest import MANIFEST_NAME, write_manifest
from orchestration.settings import Settings
from tests.support import release_warehouse as warehouse


def build(settings: Settings, *statements: str) -> ReleaseResult:
    """Publish the warehouse of `settings` after running `statements` on it."""
    with duckdb.connect(str(settings.warehouse_path)) as con:
        for statement in statements:
            con.execute(statement)
        return build_release(
            con,
            settings,
            warehouse.RUN_ID,
            warehouse.CODE_VERSION,
            quality=warehouse.quality_frame(),
            quality_page=warehouse.QUALITY_PAGE,
        )


def make_writable(release: Path) -> None:
    """Take the write protection off every file."""
    for path in release.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


def edit_manifest(release: Path, **values: Any) -> None:
    """Replace entries of the manifest."""
    path = release / MANIFEST_NAME
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, **values}), encoding="utf-8")


def list_anew(release: Path) -> None:
    """Write sizes and hashes that fit the files as they now are, so that only their content can give an edit away."""
    manifest = json.loads((release / MANIFEST_NAME).read_text(encoding="utf-8"))
    write_manifest({name: value for name, value in manifest.items() if name != "files"}, release)
