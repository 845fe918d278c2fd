"""Reads NDJSON lines into Parquet, what is used of each resource only, and finds which version of a resource holds.

In the views that this makes, `<type>_line` has every line (`file_no`, `line` from 1, `fault` where it cannot be used)
and `<type>_current` those whose resource holds; `<type>_gone` says why the other usable ones do not.
"""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.sources import sql
from orchestration.sources.fhir.export import NumberedFile
from orchestration.sources.fhir.resources import DELETION, TYPES, structure
from orchestration.sources.table_file import is_gzip, open_binary

_LONGEST_LINE = 16 << 20
_LINE = """
    select
        file_no,
        cast(file_row_number + 1 as bigint) as line,
        case
            when not is_json then 'the line is not one JSON object; it may be cut'
            when resourceType is distinct from '{kind}' then 'the resource is not of type {kind}'
            when coalesce(id, '') = '' then 'the resource has no id'
        end as fault,
        * exclude (file_no, is_json, file_row_number)
    from {rows}
"""
# Of versions that nobody can put in order all are kept: whether they repeat or contradict each other is judged later.
_GONE = """
    with version as (
        select
            line.file_no,
            line.line,
            line.id,
            export.export_no,
            coalesce(try_cast(line.meta.lastUpdated as timestamptz), export.exported_at) as updated_at,
            coalesce(len(list_filter(line.meta.tag, lambda t: t.code = 'SUBSETTED')) > 0, false) as is_subset
        from {kind}_line as line
        inner join export using (file_no)
        where line.fault is null
    ),
    deleted as (
        select version.file_no, version.line
        from version
        inner join (select id, max(export_no) as export_no from deletion where kind = '{kind}' group by id) as deletion
            on version.id = deletion.id and version.export_no < deletion.export_no
    ),
    remaining as (
        select * from version anti join deleted using (file_no, line) where not is_subset
    ),
    ranked as (
        select
            file_no,
            line,
            rank() over (partition by id order by updated_at desc nulls last, export_no desc) as place
        from remaining
        where id in (select id from remaining group by id having count(*) > 1)
    )
    select file_no, line, 'deleted' as why from deleted
    union all
    select file_no, line, 'replaced by a newer version' from ranked where place > 1
    union all
    select file_no, line, 'only a part of the resource'
    from version
    where is_subset and not exists (
        select 1 from deleted where deleted.file_no = version.file_no and deleted.line = version.line
    )
"""

# A record that was merged into another gives way to it; what refers to it belongs to the other. Where links lead in a
# circle nobody can say which record holds: none of them gives way. A link to itself says nothing.
_MERGED = """
    create table merge_link as
    select distinct person.id, reference_id(link.other.reference, 'Patient') as other
    from (select file_no, line, id, unnest(link) as link from Patient_line where fault is null) as person
    anti join Patient_gone using (file_no, line)
    where link.type = 'replaced-by' and other <> person.id;

    create table merge_circle as
    with recursive reached as (
        select id, other from merge_link
        union
        select reached.id, merge_link.other from reached inner join merge_link on reached.other = merge_link.id
    ),
    circle as (
        select id from reached where id = other
    )
    select distinct id as patient_id from reached where id in (from circle) or other in (from circle);

    create table merged as
    with recursive step as (
        select id, other from merge_link anti join merge_circle on id = patient_id
    ),
    chain as (
        select id, other, 1 as depth from step
        union
        select chain.id, step.other, chain.depth + 1
        from chain inner join step on chain.other = step.id
    )
    select id as patient_id, arg_max(other, depth) as survivor_id
    from chain
    where other in (
        select id from (select file_no, line, id from Patient_line where fault is null)
        anti join Patient_gone using (file_no, line)
    )
    group by id
"""
# What decides on rows beside the files and the SELECT of a table.
RULES = (_LINE, _GONE, _MERGED, "without byte order mark")


class Stage:
    """Resources of a source in `folder`, which belongs to it; every type is read when it is first asked for."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, files: Sequence[NumberedFile]) -> None:
        self._con, self._folder, self._files = con, folder, files
        self._ready: set[str] = set()
        con.execute("create table export (file_no bigint, export_no bigint, exported_at timestamptz)")
        con.executemany(
            "insert into export values (?, ?, ?)", [(each.number, each.export, each.exported_at) for each in files]
        )
        self._read_deletions()

    def require(self, kinds: Sequence[str]) -> None:
        """Make the views of these resource types. Raises SourceError when a file cannot be read."""
        for kind in kinds:
            if kind not in self._ready:
                self._read(kind)
                self._ready.add(kind)

    def _read(self, kind: str) -> None:
        paths = []
        for each in self._files:
            if each.file.resource_type != kind or each.file.is_deletion:
                continue
            path = self._folder / f"{kind}.{each.number}.parquet"
            shape = sql.text(structure(TYPES[kind]))
            self._copy(
                each,
                f"""select {each.number} as file_no, json is not null and json_type(json) = 'OBJECT' as is_json,
                    unnest(json_transform(json, {shape}))""",
                path,
            )
            paths.append(sql.file(path))
        if paths:
            rows = f"read_parquet([{', '.join(paths)}], file_row_number = true)"
        else:
            shape = sql.text(structure(TYPES[kind]))
            nothing = (
                f"select 0 as file_no, true as is_json, 0 as file_row_number, unnest(json_transform('{{}}', {shape}))"
            )
            rows = f"({nothing}) where false"
        self._con.execute(f"create view {kind}_line as {_LINE.format(kind=kind, rows=rows)}")
        self._con.execute(f"create table {kind}_gone as {_GONE.format(kind=kind)}")
        if kind == "Patient":
            self._con.execute(_MERGED)
            self._con.execute(
                """insert into Patient_gone
                select line.file_no, line.line, 'merged into another patient'
                from Patient_line as line
                anti join Patient_gone using (file_no, line)
                where line.fault is null and line.id in (select patient_id from merged)"""
            )
        self._con.execute(
            f"""create view {kind}_current as select * exclude (fault) from {kind}_line
            anti join {kind}_gone using (file_no, line) where fault is null"""
        )

    def _read_deletions(self) -> None:
        con = self._con
        con.execute("create table deletion (kind varchar, id varchar, export_no bigint)")
        for each in self._files:
            if not each.file.is_deletion:
                continue
            path = self._folder / f"deletion.{each.number}.parquet"
            shape = sql.text(structure(DELETION))
            select = f"""select coalesce((json ->> '$.resourceType') = 'Bundle', false) as is_bundle,
                unnest(json_transform(json, {shape}))"""
            self._copy(each, select, path)
            rows = f"read_parquet({sql.file(path)}, file_row_number = true)"
            bad = con.execute(
                f"select file_row_number + 1 from {rows} where not is_bundle order by 1 limit 1"
            ).fetchone()
            if bad:
                raise SourceError(
                    "every line of a file of deletions is a Bundle",
                    where=f"{each.file.label}, line {bad[0]}",
                    found="something else, or a line that was cut",
                    remedy="get the file again: what was deleted must not come back",
                )
            con.execute(
                f"""insert into deletion
                select found.kind, found.id, {each.export}
                from (
                    select regexp_extract(
                        entry.request.url, '(?:^|/)([A-Za-z]+)/([^/?#]+)/?$', ['kind', 'id']
                    ) as found
                    from (select unnest(entry) as entry from {rows})
                    where upper(entry.request.method) = 'DELETE'
                )
                where found.id <> ''"""
            )

    def _copy(self, each: NumberedFile, select: str, path: Path) -> None:
        """Write what `select` makes of the lines of a file, which it calls `json`, to `path`."""
        try:
            with _readable(each, self._folder) as source:
                self._con.execute(
                    f"copy ({select} from {_lines(source)}) to {sql.text(str(path.absolute()))} (format parquet)"
                )
        except (duckdb.Error, OSError) as error:
            # DuckDB's words may hold a value.
            raise SourceError(
                "the lines of a file can be read",
                where=each.file.label,
                found=f"reading fails ({type(error).__name__})",
                remedy=f"see that there is room in `data_dir` and no line is longer than {_LONGEST_LINE >> 20} MiB",
            ) from None
        each.require_unchanged()


@contextmanager
def _readable(each: NumberedFile, folder: Path) -> Iterator[Path]:
    """The file; where it begins with a byte order mark, which is no JSON, a copy in `folder` without it."""
    with open_binary(each.file.path) as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            yield each.file.path
            return
        path = folder / f"unmarked.{each.number}.ndjson"
        try:
            with path.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
            yield path
        finally:
            path.unlink(missing_ok=True)


def _lines(path: Path) -> str:
    compression = "gzip" if is_gzip(path) else "uncompressed"
    return (
        f"read_ndjson_objects({sql.file(path)}, ignore_errors = true, compression = '{compression}', "
        f"maximum_object_size = {_LONGEST_LINE})"
    )
