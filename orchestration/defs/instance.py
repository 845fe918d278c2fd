"""Dagster's own folder: the same for the command line and the web UI, without telemetry, and quick to write to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

# One event log instead of one per run beside an index: every event is written once. What steps print is not kept, for a
# library might print data.
_DAGSTER_YAML = """\
# Written by `equity`; changes are overwritten. The command line and the web UI share this folder.
telemetry:
  enabled: false
nux:
  enabled: false
run_storage:
  module: dagster._core.storage.runs
  class: SqliteRunStorage
  config: {{base_dir: {history}}}
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config: {{base_dir: {history}}}
schedule_storage:
  module: dagster._core.storage.schedules
  class: SqliteScheduleStorage
  config: {{base_dir: {schedules}}}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def write_dagster_home(home: Path) -> Path:
    """Make the folder with its `dagster.yaml`, unless it is as it should be; returns the folder."""
    home.mkdir(parents=True, exist_ok=True)
    text = _DAGSTER_YAML.format(
        history=json.dumps(str(home / "history")), schedules=json.dumps(str(home / "schedules"))
    )
    path = home / "dagster.yaml"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return home


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance in that folder, as the web UI opens it too."""
    import dagster as dg

    with _quick_sqlite(), dg.DagsterInstance.from_config(str(write_dagster_home(home))) as instance:
        yield instance


@contextmanager
def _quick_sqlite() -> Iterator[None]:
    """Dagster opens a connection per event, and closing a file's last one writes its whole log back: keep one open.

    With a write-ahead log `synchronous = normal` is safe against a crash; a power cut could lose the last events.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    kept: dict[str, sqlite3.Connection] = {}

    def on_connect(connection: Any, record: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        connection.execute("pragma synchronous = normal")
        path = connection.execute("pragma database_list").fetchone()[2]
        if path and path not in kept:
            kept[path] = sqlite3.connect(path, check_same_thread=False)
            kept[path].execute("select count(*) from sqlite_master").fetchall()

    event.listen(Engine, "connect", on_connect)
    try:
        yield
    finally:
        event.remove(Engine, "connect", on_connect)
        for connection in kept.values():
            connection.close()
