"""Which settings each step worked with: a release is published only when all of them had those of now.

The warehouse keeps one hash per setting and step and no value, so that a refusal can name the settings that differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from orchestration.defs.warehouse import has_table
from orchestration.errors import BlockedError
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

BUILD, JUDGE, ANALYSE, FOLLOW_UP = "build", "judge", "analyse", "follow up"
_STEPS = {
    BUILD: "the warehouse was built",
    JUDGE: "the gate judged",
    ANALYSE: "strata and gaps were computed",
    FOLLOW_UP: "charts and aims were computed",
}
_TABLE = "settings_basis"
# Where things lie and when they run: nothing that is published depends on it.
_NOT_OF_DATA = frozenset({"data_dir", "settings_file", "schedule"})
# Kept out of everything that is written or shown, like the secrets beside them, but they say whose data these are.
_HIDDEN_OF_DATA = frozenset({"base_url", "group_id"})
_SHOWN = 5


def record_settings(con: duckdb.DuckDBPyConnection, settings: Settings, step: str) -> None:
    """Note the settings that `step` worked with."""
    con.execute("create schema if not exists publish")
    con.execute(f"create table if not exists publish.{_TABLE} (step varchar, setting varchar, sha256 varchar)")
    con.execute(f"delete from publish.{_TABLE} where step = ?", [step])
    rows = [(step, name, digest) for name, digest in fingerprints(settings).items()]
    con.executemany(f"insert into publish.{_TABLE} values (?, ?, ?)", rows)


def require_settings(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Returns when every step before the publisher worked with the present settings.

    Reads only. Raises BlockedError that names the settings that differ.
    """
    recorded: dict[str, dict[str, str]] = {step: {} for step in _STEPS}
    if has_table(con, "publish", _TABLE):
        for step, name, digest in con.execute(f"select step, setting, sha256 from publish.{_TABLE}").fetchall():
            recorded.setdefault(step, {})[name] = digest
    now = fingerprints(settings)
    for step, words in _STEPS.items():
        then = recorded[step]
        if not then:
            raise _blocked(f"no record of the settings with which {words}")
        differing = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
        if differing:
            more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
            raise _blocked(f"changed since {words}: {', '.join(differing[:_SHOWN])}{more}")


def fingerprints(settings: Settings) -> dict[str, str]:
    """One hash per setting that shapes data or publication, by its name; sources by theirs."""
    return {
        name: hashlib.sha256(json.dumps([name, value], default=str).encode()).hexdigest()
        for name, value in _flat(settings, "")
        if name not in _NOT_OF_DATA and name.partition(".")[0] not in _NOT_OF_DATA
    }


def _flat(part: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for name, field in type(part).model_fields.items():
        if field.exclude and name not in _HIDDEN_OF_DATA:
            continue
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{name}.")
        elif name == "sources":
            yield name, [source.name for source in value]
            for source in value:
                yield from _flat(source, f"{name}.{source.name}.")
        elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
            yield f"{prefix}{name}", [item.model_dump(mode="json") for item in value]
        else:
            yield f"{prefix}{name}", value


def _blocked(found: str) -> BlockedError:
    return BlockedError(
        "the settings must be those that the data were made with",
        where="publication",
        found=found,
        remedy="run the whole job again",
    )
