"""Sources of patients: files in each form, a Bulk Data server on loopback, and an OMOP database of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cases.case import Case, Setup, files, lines, registry, written

_PASSWORD = "EQUITY_BENCH_PASSWORD"


@contextmanager
def _bulk_server(folder: Path) -> Iterator[Setup]:
    """The same NDJSON from the server of the tests, which holds it in memory."""
    from tests.support.bulk_server.authorization import CLIENT_ID
    from tests.support.bulk_server.jobs import Content
    from tests.support.bulk_server.keys import EC_ID, ec_key, pem
    from tests.support.bulk_server.server import BulkServer

    (folder / "key.pem").write_text(pem(ec_key()), encoding="utf-8")
    resources = [
        (path.name.split(".")[0], tuple(path.read_text(encoding="utf-8").splitlines()))
        for path in sorted(folder.glob("*.ndjson"))
    ]
    types = sorted({kind for kind, _ in resources})
    with BulkServer([Content(tuple(resources))]) as server:
        assert isinstance(server, BulkServer)
        server.polls = 0
        yield (
            f"""type = "fhir_bulk"
base_url = "{server.base_url}"
group_id = "t1d"
types = {types}
client_id = "{CLIENT_ID}"
key_file = "registry/key.pem"
key_id = "{EC_ID}"
""",
            {},
        )


def _omop_database(folder: Path, n_records: int) -> None:
    """The OMOP files, and the same as tables of one DuckDB file."""
    import duckdb

    registry("omop", 47)(folder, n_records)
    with duckdb.connect(str(folder / "omop.duckdb")) as con:
        for path in sorted(folder.glob("*.csv")):
            if path.stem != "tracts":
                con.execute(f"create table {path.stem} as from read_csv('{path}', all_varchar = true)")


@contextmanager
def _postgres(folder: Path) -> Iterator[Setup]:
    """The OMOP files as tables of a PostgreSQL server that runs for the length of the pull."""
    from tests.support.omop_in_postgres import load
    from tests.support.postgres_server import OWNER, OWNER_PASSWORD, server

    with server() as running, running.connect() as con:
        for path in sorted(folder.glob("*.csv")):
            if path.stem != "tracts":
                load(con, (path.stem,), path)
        yield (
            f"""type = "omop"
postgres = {{host = "{running.host}", port = {running.port}, database = "{running.database}", user = "{OWNER}", \
password_variable = "{_PASSWORD}", sslmode = "disable"}}
""",
            {_PASSWORD: OWNER_PASSWORD},
        )


def _synthea(folder: Path, n_records: int) -> None:
    """The columns of Synthea's files that are read, filled with invented people: ten visits and twenty results each."""
    n_people = max(200, n_records // 34)
    written(
        folder,
        "patients.csv",
        f"""select 'p' || i as "Id", date '2008-01-01' + cast(i % 4000 as integer) as "BIRTHDATE",
            null as "DEATHDATE", ['white', 'black', 'asian', 'native', 'other'][1 + i % 5] as "RACE",
            ['hispanic', 'nonhispanic'][1 + i % 2] as "ETHNICITY", ['F', 'M'][1 + i % 2] as "GENDER"
        from range({n_people}) as people (i)""",
    )
    written(folder, "payers.csv", """select 'y' || i as "Id", 'Payer ' || i as "NAME" from range(9) as payers (i)""")
    moment = "timestamp '2023-07-01 09:00:00' + to_days(cast((i * 37 + {}) % 1090 as integer))"
    day = f"strftime({moment}, '%Y-%m-%dT%H:%M:%SZ')"
    written(
        folder,
        "encounters.csv",
        f"""select 'e' || i as "Id", {day.format(0)} as "START", {day.format(0)} as "STOP", 'p' || i // 10 as "PATIENT",
            'y' || i % 9 as "PAYER",
            ['ambulatory', 'emergency', 'inpatient', 'wellness'][1 + i % 4] as "ENCOUNTERCLASS",
            '44054006' as "REASONCODE" from range({10 * n_people}) as visits (i)""",
    )
    written(
        folder,
        "conditions.csv",
        f"""select '2020-01-01' as "START", null as "STOP", 'p' || i as "PATIENT", 'e' || 10 * i as "ENCOUNTER",
            '46635009' as "CODE" from range({n_people}) as people (i)""",
    )
    written(
        folder,
        "observations.csv",
        f"""select {day.format(11)} as "DATE", 'p' || i // 20 as "PATIENT", 'e' || i // 2 as "ENCOUNTER",
            '4548-4' as "CODE", cast(5 + (i % 90) / 10.0 as decimal(4, 1)) as "VALUE", '%' as "UNITS"
        from range({20 * n_people}) as results (i)""",
    )


def _identities(folder: Path, n_records: int) -> None:
    written(
        folder,
        "identities.csv",
        f"""select ['registry', 'second'][1 + i % 2] as source_name, 'p' || i as patient_id,
            'person ' || i // 2 as person_id from range({n_records}) as numbers (i)""",
    )


def _addresses(folder: Path, n_records: int) -> None:
    written(
        folder,
        "geocoded.csv",
        f"""select 'p' || i // 2 as patient_id, date '2020-01-01' + cast(i % 2 * 400 as integer) as starts_on,
            null as ends_on, 'no street' as address, ['range', 'street', 'zip'][1 + i % 3] as precision,
            0.4 + (i % 60) / 100.0 as score, 'geocoded' as geocode_result, 39.1 as lat, -84.5 as lon,
            lpad(cast(39061000100 + i % 700 as varchar), 11, '0') as census_tract_id
        from range({n_records}) as homes (i)""",
    )


# Both speak of the records of another source, which is named first and not pulled.
_BESIDE = 'type = "registry_files"\npath = "registry"\n\n[[sources]]\nname = "beside"\n'

CASES: dict[str, Case] = {
    "registry_files": Case(registry("csv", 34), lines("*.csv"), files('type = "registry_files"\npath = "registry"')),
    "fhir_files": Case(registry("fhir", 37), lines("*.ndjson"), files('type = "fhir_files"\npath = "registry"')),
    "fhir_bulk": Case(registry("fhir", 37), lines("*.ndjson"), _bulk_server),
    "omop": Case(registry("omop", 47), lines("*.csv"), files('type = "omop"\npath = "registry"')),
    "omop_duckdb": Case(_omop_database, lines("*.csv"), files('type = "omop"\npath = "registry/omop.duckdb"')),
    "omop_postgres": Case(registry("omop", 47), lines("*.csv"), _postgres),
    "synthea": Case(_synthea, lines("*.csv", header=True), files('type = "synthea"\npath = "registry"')),
    "identity_map": Case(
        _identities,
        lines("*.csv", header=True),
        files(_BESIDE + 'type = "identity_map"\npath = "registry/identities.csv"'),
    ),
    "geocode_files": Case(
        _addresses,
        lines("*.csv", header=True),
        files(_BESIDE + 'type = "geocode_files"\npath = "registry/geocoded.csv"\ntract_vintage = 2020'),
    ),
}
