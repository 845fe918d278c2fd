"""An OMOP database on a PostgreSQL server that is really started: the rows are those of files, nothing is written."""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from psycopg import sql as pg

from orchestration.errors import SettingsError, SourceError
from orchestration.settings import Settings
from orchestration.settings_omop import OmopPostgres, OmopSource
from orchestration.sources.layout import REGISTRY
from orchestration.sources.pull import pull_source
from orchestration.synthetic.omop import PROBLEM_LIST, write_omop
from orchestration.synthetic.registry import generate
from tests.support.omop_in_postgres import load
from tests.support.postgres_server import Server, programs, server
from tests.support.source_files import frame

pytestmark = pytest.mark.skipif(
    programs() is None, reason="PostgreSQL is not installed (Debian: apt-get install postgresql)"
)

AS_OF = dt.date(2026, 6, 30)
# Names that only a quoted identifier can be.
CDM, VOCABULARY, ROLE = 'cdm "5.4"', "Vocabulary; drop", "cdm reader"
USER, PASSWORD, VARIABLE = "equity", "equity's", "EQUITY_TEST_OMOP_PASSWORD"


@pytest.fixture(scope="module")
def omop_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("omop")
    generate(folder / "tables", patients=250, as_of=AS_OF, months=12, file_format="csv")
    write_omop(folder / "tables", folder / "omop", "parquet")
    return folder / "omop"


@pytest.fixture(scope="module")
def database(omop_files: Path) -> Iterator[Server]:
    """The tables in two schemas. The user may read nothing; the role that it may take reads everything."""
    with server() as running, running.connect() as con:
        for schema in (CDM, VOCABULARY):
            con.execute(pg.SQL("create schema {}").format(pg.Identifier(schema)))
        for path in sorted(omop_files.glob("*.parquet")):
            schema = VOCABULARY if path.stem in ("concept", "concept_ancestor") else CDM
            load(con, (schema, path.stem), path)
        con.execute(pg.SQL("create role {}").format(pg.Identifier(ROLE)))
        con.execute(pg.SQL("create user {} noinherit password {}").format(pg.Identifier(USER), pg.Literal(PASSWORD)))
        con.execute(pg.SQL("grant {} to {}").format(pg.Identifier(ROLE), pg.Identifier(USER)))
        for schema in (CDM, VOCABULARY):
            for grant in ("usage on schema {}", "select on all tables in schema {}"):
                statement = pg.SQL("grant " + grant + " to {}")
                con.execute(statement.format(pg.Identifier(schema), pg.Identifier(ROLE)))
        yield running


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


def source(database: Server, **changes: object) -> OmopSource:
    place = OmopPostgres(
        host=database.host,
        port=database.port,
        database=database.database,
        user=USER,
        password_variable=VARIABLE,
        role=ROLE,
        cdm_schema=CDM,
        vocabulary_schema=VOCABULARY,
        sslmode="disable",
    )
    return OmopSource(postgres=place.model_copy(update=changes), condition_types=(PROBLEM_LIST,))


def settings(tmp_path: Path, omop: OmopSource) -> Settings:
    return Settings(data_dir=tmp_path / "var", as_of=AS_OF, sources=(omop,))


def pulled(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Every column of the layout, table by table, as text."""
    return {
        name: sorted(
            frame(
                settings,
                f"select {', '.join(f'cast({c} as varchar) as {c}' for c in table.column_names)} from raw.{name}",
            )
            .fillna("")
            .itertuples(index=False, name=None)
        )
        for name, table in REGISTRY.items()
    }


def test_a_database_gives_the_same_rows_as_its_files(database: Server, omop_files: Path, tmp_path: Path) -> None:
    from_database = settings(tmp_path / "database", source(database))
    from_files = settings(tmp_path / "files", OmopSource(path=omop_files, condition_types=(PROBLEM_LIST,)))
    for each in (from_database, from_files):
        pull_source(each.sources[0], each, lambda _: None)
    rows = pulled(from_files)
    assert all(len(table) > 100 for table in rows.values())
    got = pulled(from_database)
    got["observations"], rows["observations"] = (_numbers(table["observations"]) for table in (got, rows))
    assert got == rows


def _numbers(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """The server writes 7 where Parquet's numbers say 7.0."""
    value = REGISTRY["observations"].column_names.index("value")
    return [(*row[:value], float(str(row[value])), *row[value + 1 :]) for row in rows]


def test_what_did_not_change_is_skipped_and_copies_are_closed_to_others(database: Server, tmp_path: Path) -> None:
    own = settings(tmp_path, source(database))
    first = pull_source(own.sources[0], own, lambda _: None)
    assert first and not any(file.skipped for file in first)
    assert all(file.skipped for file in pull_source(own.sources[0], own, lambda _: None))
    copies = tmp_path / "var/raw/omop/_tables"
    assert len(list(copies.glob("*/*.parquet"))) == len(list(copies.iterdir())) > 10
    for path in [copies, *copies.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o400)


def test_nothing_is_written_to_the_database(database: Server, tmp_path: Path) -> None:
    """A view that writes when it is read shows that the transaction could not, whatever its role may do."""
    own = settings(tmp_path, source(database))
    sites = pg.Identifier(CDM, "care_site")
    with database.connect() as con:
        con.execute("create schema audit; create table audit.reads (at timestamptz)")
        con.execute(
            "create function audit.note() returns boolean language sql volatile security definer "
            "as 'insert into audit.reads values (now()) returning true'"
        )
        con.execute("grant usage on schema audit to public; grant execute on function audit.note() to public")
        con.execute(pg.SQL("alter table {} rename to care_site_table").format(sites))
        con.execute(
            pg.SQL("create view {} as select * from {} where audit.note()").format(
                sites, pg.Identifier(CDM, "care_site_table")
            )
        )
        con.execute(pg.SQL("grant select on {} to {}").format(sites, pg.Identifier(ROLE)))
        try:
            with pytest.raises(SourceError) as failed:
                pull_source(own.sources[0], own, lambda _: None)
            assert "25006" in str(failed.value) and "omop/care_site" in str(failed.value)
            assert con.execute("select count(*) from audit.reads").fetchone() == (0,)
            con.execute(pg.SQL("select count(*) from {}").format(sites))
            assert con.execute("select count(*) > 0 from audit.reads").fetchone() == (True,)
        finally:
            con.execute(pg.SQL("drop view {}").format(sites))
            con.execute(pg.SQL("alter table {} rename to care_site").format(pg.Identifier(CDM, "care_site_table")))
            con.execute("drop schema audit cascade")


def test_without_the_role_the_user_may_read_nothing(database: Server, tmp_path: Path) -> None:
    own = settings(tmp_path, source(database, role=None))
    with pytest.raises(SourceError, match="has the table person"):
        pull_source(own.sources[0], own, lambda _: None)
    assert not (tmp_path / "var/raw/omop/current.json").exists()


def test_a_role_that_the_user_may_not_take_is_named(database: Server, tmp_path: Path) -> None:
    own = settings(tmp_path, source(database, role="owner"))
    with pytest.raises(SourceError, match="may take the role owner"):
        pull_source(own.sources[0], own, lambda _: None)


def test_a_column_that_the_role_may_not_read_is_not_asked_for(database: Server, tmp_path: Path) -> None:
    """Rights by column: the source's words of race are withheld, so that only concepts speak."""
    person, role = pg.Identifier(CDM, "person"), pg.Identifier(ROLE)
    with database.connect() as con:
        names = [
            str(name)
            for (name,) in con.execute(
                "select column_name from information_schema.columns "
                "where table_name = 'person' and column_name not like '%source_value'"
            ).fetchall()
        ]
        con.execute(pg.SQL("revoke select on {} from {}").format(person, role))
        allowed = pg.SQL(", ").join(map(pg.Identifier, names))
        con.execute(pg.SQL("grant select ({}) on {} to {}").format(allowed, person, role))
        try:
            own = settings(tmp_path, source(database))
            pull_source(own.sources[0], own, lambda _: None)
            copy = next((tmp_path / "var/raw/omop/_tables/person").iterdir())
            with duckdb.connect() as reader:
                columns = {row[0] for row in reader.execute(f"describe select * from '{copy}'").fetchall()}
            assert "race_concept_id" in columns and "race_source_value" not in columns
        finally:
            con.execute(pg.SQL("grant select on {} to {}").format(person, role))


def test_the_password_comes_from_the_environment_only(
    database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings(tmp_path, source(database))
    monkeypatch.setenv(VARIABLE, "not the password")
    with pytest.raises(SourceError, match="can be reached") as failed:
        pull_source(own.sources[0], own, lambda _: None)
    assert "not the password" not in str(failed.value)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(SettingsError, match=VARIABLE):
        pull_source(own.sources[0], own, lambda _: None)


def test_texts_arrive_as_they_are(database: Server, tmp_path: Path) -> None:
    """Commas, quotation marks, line ends and empty texts in a value; NULL is not ''."""
    odd = 'Clinic "A", North\nside; ünï'
    site = pg.Identifier(CDM, "care_site")
    with database.connect() as con:
        before = con.execute(pg.SQL("select care_site_name from {} where care_site_id = 1").format(site)).fetchone()
        con.execute(pg.SQL("update {} set care_site_name = %s where care_site_id = 1").format(site), [odd])
        try:
            own = settings(tmp_path, source(database))
            pull_source(own.sources[0], own, lambda _: None)
            sites = frame(own, "select distinct site_id from raw.patients")["site_id"].to_list()
            assert odd in sites and before is not None and before[0] not in sites
        finally:
            con.execute(pg.SQL("update {} set care_site_name = %s where care_site_id = 1").format(site), before)
