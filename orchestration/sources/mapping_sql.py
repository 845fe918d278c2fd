"""A part of a mapping file as one SELECT over one source file, checked against the file before a row is read.

Names and texts are quoted. Expressions are the operator's own SQL, over columns that are text, missing values as NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import SettingsError, SourceError
from orchestration.sources import sql
from orchestration.sources.layout import Table
from orchestration.sources.mapping import ColumnRule, Join, Part
from orchestration.sources.table_file import TableFile

_SELECTED = "_is_selected"
# SQL that takes columns without naming them.
_ALL_COLUMNS = re.compile(r"\bcolumns\s*\(|[.(]\s*\*")


@dataclass(frozen=True)
class PartPlan:
    """A part of a mapping for one file: `constants` of its group, `missing` texts, `joined` files by join name."""

    table: Table
    part: Part
    mapping_path: Path
    constants: dict[str, str]
    missing: tuple[str, ...]
    joined: dict[str, TableFile]

    def select(self, file: TableFile) -> Callable[[str], str]:
        """The SELECT of the mapped columns and `_source_row`, as a function of the relation that holds the rows.

        Raises SourceError when the file lacks a column, SettingsError when a constant has the name of one.
        """
        clash = [constant for constant in self.constants if file.column(constant)]
        if clash:
            found = f"the constant {clash[0]} has the name of a column of {file.label}"
            raise self._mapping_error("files", found, "rename the constant")
        columns = {name: self._value(name, rule, file) for name, rule in self.part.columns.items()}
        items = [f"cast({value} as varchar) as {sql.name(name)}" for name, value in columns.items()]
        items.append('"file"._source_row as _source_row')
        if self.part.where is not None:
            items.append(f"({self.part.where}\n) as {_SELECTED}")
        joins = "".join(self._join_clause(name, file) for name in self.joined)
        selected = "" if self.part.where is None else f" where {_SELECTED}"
        names = ", ".join([*(sql.name(name) for name in columns), "_source_row"])

        def over(relation: str) -> str:
            rows = f'({self._rows(relation, file)}) as "file"{joins}'
            # A window or a join may hand the rows over in another order.
            ordered = " order by _source_row" if joins or selected else ""
            return f"select {names} from (select {', '.join(items)} from {rows}){selected}{ordered}"

        return over

    def require_valid_sql(self, con: duckdb.DuckDBPyConnection, file: TableFile) -> None:
        """Raise SettingsError naming the first expression that is not SQL over the file's columns. Reads no row."""
        for where, expression in self._expressions():
            try:
                con.execute(f"describe {self._probe(file, expression)}")
            except duckdb.Error as error:
                # Before a row is read, DuckDB's words can only be about the expression and the names of columns.
                found = str(error).strip().splitlines()[0]
                raise self._mapping_error(where, found, f"write SQL over the columns of {file.label}") from None

    def require_valid_join(self, con: duckdb.DuckDBPyConnection, join: Join) -> None:
        """Raise SettingsError when the join's `where` is not SQL over its file's columns. Reads no row."""
        file = self.joined[join.name]
        try:
            con.execute(f"describe {joined_rows(file, self.missing, file.relation(), join.where)}")
        except duckdb.Error as error:
            if join.where is None:
                raise
            found = str(error).strip().splitlines()[0]
            raise self._mapping_error("join.where", found, f"write SQL over the columns of {file.label}") from None

    def failing_expression(
        self, con: duckdb.DuckDBPyConnection, file: TableFile, relation: str
    ) -> SettingsError | None:
        """The error for the first expression that fails on a row, without DuckDB's words: they hold the value."""
        for where, expression in self._expressions():
            try:
                con.execute(f"select count(value) from ({self._probe(file, expression, relation)})")
            except duckdb.Error as error:
                found = f"it fails on a row of {file.label} ({type(error).__name__})"
                return self._mapping_error(where, found, "let it give NULL there: try_cast, nullif, case")
        return None

    def _expressions(self) -> list[tuple[str, str]]:
        found = [(f"columns.{name}", rule.sql) for name, rule in self.part.columns.items() if rule.sql is not None]
        return [*found, *([("where", self.part.where)] if self.part.where is not None else [])]

    def _probe(self, file: TableFile, expression: str, relation: str | None = None) -> str:
        joins = "".join(self._join_clause(name, file) for name in self.joined)
        rows = self._rows(relation or file.relation(), file)
        return f'select ({expression}\n) as value from ({rows}) as "file"{joins}'

    def _rows(self, relation: str, file: TableFile) -> str:
        constants = "".join(f", {sql.text(value)} as {sql.name(name)}" for name, value in self.constants.items())
        return f"select _source_row{_texts(file, self.missing)}{constants} from ({relation})"

    def _join_clause(self, name: str, file: TableFile) -> str:
        join = next(join for join in self.part.join if join.name == name)
        pairs = []
        for own, other in join.by.items():
            theirs = self._require(self.joined[name], other)
            pairs.append(f'"file".{sql.name(self._require(file, own))} = {sql.name(name)}.{sql.name(theirs)}')
        return f" left join {sql.name(joined_table(name))} as {sql.name(name)} on {' and '.join(pairs)}"

    def _value(self, name: str, rule: ColumnRule, file: TableFile) -> str:
        if rule.sql is not None:
            value = f"({rule.sql}\n)"
        elif rule.constant is not None:
            value = sql.text(rule.constant)
        else:
            value = self._column(rule.column or "", file)
        if not rule.values:
            return value
        cases = " ".join(f"when {sql.text(old)} then {sql.text(new)}" for old, new in rule.values.items())
        return f"case cast({value} as varchar) {cases} else cast({value} as varchar) end"

    def _column(self, wanted: str, file: TableFile) -> str:
        own = file.column(wanted) or (wanted if wanted in self.constants else None)
        if own is not None:
            return f'"file".{sql.name(own)}'
        join_name, _, other = wanted.partition(".")
        if other and join_name in self.joined:
            return f"{sql.name(join_name)}.{sql.name(self._require(self.joined[join_name], other))}"
        return sql.name(self._require(file, wanted))

    def _require(self, file: TableFile, wanted: str) -> str:
        found = file.column(wanted)
        if found is None:
            times = sum(name.casefold() == wanted.casefold() for name in file.columns)
            raise SourceError(
                f"the file has the column {wanted}, which the mapping of {self.table.name} names",
                where=file.label,
                found=f"it stands there {times} times" if times else f"not one of its {len(file.columns)} columns",
                remedy=f"correct the file, or tables.{self.table.name} in {self.mapping_path}",
            )
        return found

    def _mapping_error(self, where: str, found: str, remedy: str) -> SettingsError:
        return SettingsError(
            "a mapping fits the files it is for",
            where=f"{self.mapping_path}, tables.{self.table.name}.{where}",
            found=found,
            remedy=remedy,
        )


def used_columns(part: Part, file: TableFile) -> list[str]:
    """The columns of the file, or of a joined one, that the part names, or that its SQL may name."""
    expressions = [rule.sql for rule in part.columns.values() if rule.sql is not None]
    text = " ".join([*expressions, part.where or "", *(join.where or "" for join in part.join)]).casefold()
    named = {rule.column.casefold() for rule in part.columns.values() if rule.column is not None}
    named |= {key.casefold() for join in part.join for pair in join.by.items() for key in pair}
    named |= {name.partition(".")[2] for name in named}
    takes_all = _ALL_COLUMNS.search(text) is not None
    return [name for name in file.columns if takes_all or name.casefold() in named or name.casefold() in text]


def joined_table(name: str) -> str:
    """The name of the temporary table that holds a joined file."""
    return f"joined_{name}"


def joined_rows(file: TableFile, missing: tuple[str, ...], relation: str, where: str | None = None) -> str:
    """The SELECT of a joined file's columns as text, missing values as NULL; of the rows that `where` chooses."""
    rows = f"select _source_row{_texts(file, missing)} from ({relation})"
    if where is None:
        return rows
    chosen = f"select *, ({where}\n) as {_SELECTED} from ({rows})"
    return f"select * exclude ({_SELECTED}) from ({chosen}) where {_SELECTED}"


def _texts(file: TableFile, missing: tuple[str, ...]) -> str:
    """The columns that are looked at, as text, with the missing tokens as NULL."""
    tokens = ", ".join(sql.text(token) for token in missing)
    values = (f"cast({sql.name(name)} as varchar)" for name in file.names)
    cleaned = (f"case when {value} not in ({tokens}) then {value} end" if tokens else value for value in values)
    return "".join(f", {value} as {sql.name(name)}" for name, value in zip(file.names, cleaned, strict=True))
