"""The mapping file: how an export that looks otherwise becomes the registry layout. Reads and checks the YAML, no more.

Every scalar in the file is text: `1`, `NO` and `2011-01-01` mean what they look like. SQL in it is the operator's own.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from orchestration.errors import SettingsError
from orchestration.sources.layout import REGISTRY

_HELP = "docs/mapping.md describes every key of a mapping file"
_NAME = r"^[a-z][a-z0-9_]*$"
_RESERVED_NAMES = frozenset({"file", "_source_row"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _as_glob(value: object) -> object:
    return {"glob": value} if isinstance(value, str) else value


def _as_column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class FileGroup(_Strict):
    """Files by a pattern below the source's folder; each constant is one more column of their rows."""

    glob: Annotated[str, Field(min_length=1)]
    constants: dict[Annotated[str, Field(pattern=_NAME)], str] = {}

    @model_validator(mode="after")
    def _stays_in_folder(self) -> FileGroup:
        if Path(self.glob).is_absolute() or ".." in Path(self.glob).parts:
            raise ValueError("a glob is relative to the source's `path` and stays below it")
        if _RESERVED_NAMES & self.constants.keys():
            raise ValueError(f"a constant is not called {' or '.join(sorted(_RESERVED_NAMES))}")
        return self


class Join(_Strict):
    """A second file in which each row finds at most one row: `by` names this file's column and the other's.

    `where`: SQL over the second file's columns; only its rows for which it is true are looked at.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    file: Annotated[str, Field(min_length=1)]
    by: Annotated[dict[str, str], Field(min_length=1)]
    where: Annotated[str, Field(min_length=1)] | None = None


class ColumnRule(_Strict):
    """Where a column's value comes from: a column, a constant or an SQL expression, and which texts stand for which."""

    column: Annotated[str, Field(min_length=1)] | None = None
    constant: str | None = None
    sql: Annotated[str, Field(min_length=1)] | None = None
    values: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnRule:
        if sum(origin is not None for origin in (self.column, self.constant, self.sql)) != 1:
            raise ValueError("say exactly one of `column`, `constant` and `sql`")
        return self


_Files = Annotated[FileGroup, BeforeValidator(_as_glob)]
_Column = Annotated[ColumnRule, BeforeValidator(_as_column)]


class Part(_Strict):
    """Rows of one table out of one kind of file. `missing`: texts that mean that there is no value."""

    files: Annotated[list[_Files], BeforeValidator(_one_or_many), Field(min_length=1)]
    join: list[Join] = []
    where: Annotated[str, Field(min_length=1)] | None = None
    missing: list[str] | None = None
    columns: dict[str, _Column]

    @model_validator(mode="after")
    def _join_names(self) -> Part:
        names = [join.name for join in self.join]
        if len(names) != len(set(names)) or _RESERVED_NAMES & set(names):
            raise ValueError("each join has a `name` of its own, and none is called file")
        return self


class MappingFile(_Strict):
    """The whole mapping: for each table of the layout one part, or several whose rows are put together."""

    version: Literal["1"]
    delimiter: Annotated[str, Field(pattern=r"^[\t!#-/:-@\[-`{-~]$")] = ","
    missing: list[str] = []
    tables: dict[str, Annotated[list[Part], BeforeValidator(_one_or_many), Field(min_length=1)]]

    @model_validator(mode="after")
    def _fits_layout(self) -> MappingFile:
        for table_name, parts in self.tables.items():
            if table_name not in REGISTRY:
                raise ValueError(f"`{table_name}` is not a table of the layout; those are {', '.join(REGISTRY)}")
            table = REGISTRY[table_name]
            for part in parts:
                unknown = [name for name in part.columns if name not in table.column_names]
                if unknown:
                    known = ", ".join(table.column_names)
                    raise ValueError(f"`{table_name}.{unknown[0]}` is not a column of the layout; those are {known}")
                absent = [name for name in table.required_names if name not in part.columns]
                if absent:
                    raise ValueError(f"`{table_name}` needs the column {absent[0]}")
        required = [table.name for table in REGISTRY.values() if table.is_required and table.name not in self.tables]
        if required:
            raise ValueError(f"the table {required[0]} is needed")
        return self

    def missing_tokens(self, part: Part) -> tuple[str, ...]:
        """The texts that mean "no value" in this part: its own, else the whole file's."""
        return tuple(self.missing if part.missing is None else part.missing)

    def part_sha256(self, part: Part, constants: dict[str, str]) -> str:
        """Hash of everything in the mapping that decides what becomes of a file's rows."""
        rules = part.model_dump(mode="json", exclude={"files"})
        content = [self.delimiter, self.missing_tokens(part), rules, constants]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class _TextLoader(yaml.BaseLoader):
    """YAML in which every scalar is text and a key may stand once only."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                mark = node.value[number][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"`{key}` stands twice", mark)
        return super().construct_mapping(node, deep)


def load_mapping(path: Path) -> MappingFile:
    """The mapping file at `path`. Raises SettingsError, naming the key, when it is missing or no valid mapping."""
    if not path.is_file():
        raise SettingsError(
            "the mapping file must exist", where=str(path), found="no such file", remedy="correct `mapping`"
        )
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_TextLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        found = getattr(error, "problem", None) or "not UTF-8"
        raise SettingsError(
            "a mapping file is YAML in UTF-8",
            where=f"{path}, line {mark.line + 1}" if mark else str(path),
            found=str(found),
            remedy="correct that line",
        ) from None
    try:
        return MappingFile.model_validate(content)
    except ValidationError as error:
        raise _invalid(path, error) from None


def _invalid(path: Path, error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"`{first['loc'][-1]}` is not a key of a mapping file"
    elif first["type"] == "missing":
        message = f"the key `{first['loc'][-1]}` is needed"
    return SettingsError(
        message,
        where=f"{path}, {where}" if where else str(path),
        found=f"{error.error_count()} problem(s) in the mapping file",
        remedy=_HELP,
    )
