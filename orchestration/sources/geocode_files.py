"""Pulls a geocoder's output as addresses of a registry: the tract, how precisely it was matched, and if that will do.

DeGAUSS files have a header and keep the columns of their input; the Census batch output has none, and short rows for
what it could not match. Neither addresses nor coordinates enter the raw zone.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_area import GeocodeFilesSource
from orchestration.sources import sql
from orchestration.sources.area_rows import require_column
from orchestration.sources.landing import Progress, Task, Written, land
from orchestration.sources.layout import ADDRESSES
from orchestration.sources.raw_zone import DATA, PulledFile, zone_of
from orchestration.sources.reading import ReadFailed, connect, count, opened, unreadable, use_rows
from orchestration.sources.table_file import is_gzip

# DeGAUSS: geocode_result of what is no address of a home.
_NO_HOME = {
    "po_box": "po_box",
    "cincy_inst_foster_addr": "institution",
    "non_address_text": "not_an_address",
    "imprecise_geocode": "imprecise",
}
_NOT_LISTED = "the address id is not in the list of addresses"
_ANSWERED_TWICE = "the geocoder answered several times for the address id"
_IS_TRACT = "coalesce(regexp_full_match(tract_geoid, '[0-9]{11}'), false)"
_CENSUS = ("id", "address", "match", "match_type", "parsed", "coordinate", "line", "side", "state", "county", "tract")


def pull(source: GeocodeFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the output into the raw zone unless it is there. Raises SourceError when it cannot be used as a whole.

    Every address lands, with `geocode_status`: one that is not `matched` has no tract and is quarantined by the
    transformation, where it is still known whose it is. An address of the list without an answer is `no_answer`.
    """
    label = f"{source.name}/{source.path.name}"
    rules = hashlib.sha256(source.model_dump_json(exclude={"path", "addresses"}).encode()).hexdigest()
    joined = {"addresses": source.addresses} if source.addresses else {}
    task = Task(ADDRESSES.name, source.path, label, partial(_write, source, label), mapping_sha256=rules, joined=joined)
    zone = zone_of(settings.raw_dir, source.name)
    with zone.locked():
        return land(zone, [task], "snapshot", progress)


def _write(source: GeocodeFilesSource, label: str, folder: Path) -> Written:
    con = connect(folder)
    try:
        if source.form == "census":
            unread = _read_census(con, source, label)
        else:
            unread = _read_degauss(con, source, label, folder)
        if source.addresses is not None:
            unread += _join_people(con, source, source.addresses, label, folder)
        n_rows, n_matched = _land(con, source, folder)
    finally:
        con.close()
    types = {column.name: column.type for column in ADDRESSES.columns}
    note = f"{n_matched:,} of {n_rows:,} addresses are matched well enough; the rest is set aside by reason"
    notes = (note,) if n_matched < n_rows else ()
    return Written({**types, "_source_row": "BIGINT"}, n_rows, unread, notes=notes)


def _read_degauss(
    con: duckdb.DuckDBPyConnection, source: GeocodeFilesSource, label: str, folder: Path
) -> list[tuple[int, str]]:
    file = opened(source.path, label)
    setting = "`tract_column`, `address_id_column`, or name the list in `addresses`"
    wanted = ["precision", "score", "geocode_result", source.tract_column]
    whose = ["patient_id", "starts_on"] if source.addresses is None else [source.address_id_column]
    own = {name: require_column(file, name, setting) for name in (*wanted, *whose)}
    ends_on = file.column("ends_on") if source.addresses is None else None
    file = file.using([*own.values(), *([ends_on] if ends_on else [])])
    columns = {
        "precision_": "precision", "score": "score", "result": "geocode_result", "tract_geoid": source.tract_column,
    }  # fmt: skip
    selected = ", ".join(f"{_value(own[name])} as {alias}" for alias, name in columns.items())
    if source.addresses is None:
        selected += f", {_value(own['patient_id'])} as patient_id, {_value(own['starts_on'])} as starts_on"
        selected += f", {_value(ends_on) if ends_on else 'cast(null as varchar)'} as ends_on"
    else:
        selected += f", {_value(own[source.address_id_column])} as address_id"
    results = " ".join(f"when {sql.text(name)} then {sql.text(status)}" for name, status in _NO_HOME.items())
    precise = ", ".join(map(sql.text, source.precisions)) or "null"
    status = f"""coalesce(
        case result {results} when 'geocoded' then null else case when result is not null then 'unknown_result' end end,
        case when result is null or precision_ is null then 'no_match'
            when precision_ not in ({precise}) then 'imprecise'
            when not coalesce(try_cast(score as double) >= {source.min_score}, false) then 'low_score'
            when {_IS_TRACT} then 'matched' else 'no_tract' end)"""

    def use(relation: str) -> None:
        con.execute(
            f"""create or replace temp table found as
            select *, {status} as status from (
                select * replace ({sql.area_key("tract_geoid")} as tract_geoid)
                from (select _source_row, {selected} from ({relation}))
            )"""
        )

    try:
        return use_rows(con, file, folder, use)
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None


def _read_census(con: duckdb.DuckDBPyConnection, source: GeocodeFilesSource, label: str) -> list[tuple[int, str]]:
    if not source.path.is_file():
        raise SourceError("the file must exist", where=label, found="no such file", remedy="put it there")
    types = ", ".join(f"{name}: 'VARCHAR'" for name in (*_CENSUS, "block"))
    rows = (
        f"read_csv({sql.file(source.path)}, auto_detect = false, header = false, delim = ',', "
        f"""quote = '"', escape = '"', null_padding = true, parallel = false, columns = {{{types}}}, """
        f"compression = '{'gzip' if is_gzip(source.path) else 'none'}')"
    )
    exact = "true" if source.accepts_non_exact else "match_type = 'Exact'"
    parts = (("state", 2), ("county", 3), ("tract", 6))
    # lpad would also cut what is too long.
    tract = " || ".join(
        f"lpad({whole}, cast(greatest(length({whole}), {digits}) as integer), '0')"
        for whole, digits in ((f"regexp_replace(trim({name}), '[.]0+$', '')", digits) for name, digits in parts)
    )
    try:
        con.execute(
            f"""create temp table found as
            select *, case when match = 'Match' and not coalesce({exact}, false) then 'imprecise'
                when match = 'Match' and {_IS_TRACT} then 'matched'
                when match = 'Match' then 'no_tract'
                when match = 'Tie' then 'tie' when match = 'No_Match' then 'no_match'
                else 'unknown_result' end as status
            from (select row_number() over () as _source_row, nullif(trim(id), '') as address_id,
                case when match = 'Match' then case match_type when 'Exact' then 'range' else 'range, not exact' end end
                as precision_,
                cast(null as varchar) as score, {tract} as tract_geoid, match, match_type
            from {rows})"""
        )
    except duckdb.Error as error:
        raise SourceError(
            "the output of the Census geocoder can be read: rows of 3 to 12 values, no header",
            where=label,
            found=f"reading fails ({type(error).__name__})",
            remedy="give the file as the geocoder wrote it",
        ) from None
    if count(con, "found") == count(con, "found where status = 'unknown_result'") > 0:
        raise SourceError(
            "the third value of a row is Match, No_Match or Tie",
            where=label,
            found="it is in no row",
            remedy='give the file as the geocoder wrote it, or set `form = "degauss"`',
        )
    return []


def _join_people(
    con: duckdb.DuckDBPyConnection, source: GeocodeFilesSource, path: Path, label: str, folder: Path
) -> list[tuple[int, str]]:
    """Put persons and days to the addresses; returns the rows of the output that the list cannot place.

    From here on a row is one of the list, and has its number; rows of the output that are returned count on after them.
    Several people at one address are several rows of the list.
    """
    file = opened(path, f"{label}, {path.name}")
    names = (source.address_id_column, "patient_id", "starts_on")
    own = [require_column(file, name, "`address_id_column`") for name in names]
    ends_on = file.column("ends_on")
    file = file.using([*own, *([ends_on] if ends_on else [])])

    def use(relation: str) -> None:
        con.execute(
            f"""create or replace temp table listed as
            select _source_row as list_row, {_value(own[0])} as address_id, {_value(own[1])} as patient_id,
                {_value(own[2])} as starts_on, {_value(ends_on) if ends_on else "cast(null as varchar)"} as ends_on
            from ({relation})"""
        )

    try:
        unread = use_rows(con, file, folder, use)
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    if unread:
        raise SourceError(
            "every row of the list of addresses can be read",
            where=file.label,
            found=f"row {unread[0][0]}: {unread[0][1]}; {len(unread):,} in all",
            remedy="export the list again",
        )
    con.execute("create temp table answers as select *, count(*) over (partition by address_id) as n from found")
    bad = con.execute(
        f"""select _source_row + (select count(*) from listed),
            case when n > 1 then {sql.text(_ANSWERED_TWICE)} else {sql.text(_NOT_LISTED)} end
        from answers
        where n > 1 or address_id is null
            or address_id not in (select address_id from listed where address_id is not null)
        order by all"""
    ).fetchall()
    con.execute(
        """create or replace temp table found as
        select listed.list_row as _source_row, listed.patient_id, listed.starts_on, listed.ends_on,
            answers.precision_, answers.score, answers.tract_geoid, coalesce(answers.status, 'no_answer') as status
        from listed left join answers on listed.address_id = answers.address_id and answers.n = 1"""
    )
    return [(int(row), str(reason)) for row, reason in bad]


def _land(con: duckdb.DuckDBPyConnection, source: GeocodeFilesSource, folder: Path) -> tuple[int, int]:
    columns = {
        "patient_id": "patient_id",
        "tract_geoid": "case when status = 'matched' then tract_geoid end",
        "tract_vintage": sql.text(str(source.tract_vintage)),
        "starts_on": "starts_on",
        "ends_on": "ends_on",
        "registry_source": sql.text(source.registry),
        "geocode_status": "status",
        "geocode_precision": "precision_",
        "geocode_score": "score",
    }
    selected = ", ".join(f"{columns[column.name]} as {column.name}" for column in ADDRESSES.columns)
    rows = f"select {selected}, cast(_source_row as bigint) as _source_row from found order by _source_row"
    con.execute(f"copy ({rows}) to {sql.text(str((folder / DATA).absolute()))} (format parquet)")
    return count(con, "found"), count(con, "found where status = 'matched'")


def _value(name: str) -> str:
    """The column as text; R's NA and an empty text are no value."""
    return f"nullif(nullif(trim(cast({sql.name(name)} as varchar)), ''), 'NA')"
