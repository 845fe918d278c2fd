"""Messages of libraries lose whatever may be data, and keep what says where to look."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.defs.resources.redaction import redacted, unexpected

SECRETS = ("Jane", "Doe", "1234567", "2011-03-04")


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (
            "Conversion Error: Could not convert string 'Jane Doe' to INT32",
            "Conversion Error: Could not convert string",
        ),
        ('Conversion Error: invalid date field format: "2011-03-04x"', "Conversion Error: invalid date field format"),
        ('Constraint Error: Duplicate key "patient_id: 1234567" violates', "Constraint Error: Duplicate key"),
        (
            "Conversion Error: Type INT64 with value 1234567 can't be cast",
            "Conversion Error: Type INT",
        ),
        (
            "Invalid Input Error: CSV Error on Line: 3\nOriginal Line: Jane,Doe,2011-03-04\nPossible fixes",
            "Invalid Input Error: CSV Error on Line",
        ),
        (
            "Runtime Error in model int_patient (models/int_patient.sql)\n  Conversion Error: string 'Jane\nDoe' bad",
            "Conversion Error: string",
        ),
        ("could not convert string to float: 'O'Brien Jane'", "could not convert string to float"),
        ("", ""),
    ],
)
def test_what_may_be_data_is_cut_off(message: str, kept: str) -> None:
    assert redacted(message) == kept
    assert not any(secret in redacted(message) for secret in SECRETS)


def test_names_of_our_own_sql_stay() -> None:
    message = (
        "Runtime Error in model dim_site (models/marts/dim_site.sql)\n"
        '  Binder Error: Referenced column "site_idd" not found in FROM clause!\n  Candidate bindings: "site_id"\n\n'
        "  LINE 4: select site_idd\n          ^^^"
    )
    assert redacted(message) == (
        'Binder Error: Referenced column "site_idd" not found in FROM clause!; Candidate bindings: "site_id"'
    )


def test_a_value_cannot_pass_for_a_name() -> None:
    assert redacted("Conversion Error: 'Binder Error: Jane Doe'") == "Conversion Error"


def test_the_log_of_the_unforeseen_says_where_and_not_what(tmp_path: Path) -> None:
    try:
        try:
            int("Jane")
        except ValueError as cause:
            raise RuntimeError("patient '1234567' of Doe") from cause
    except RuntimeError as error:
        found = unexpected(error, where="Pull", logs_dir=tmp_path / "logs", run_id="r1")
    log = (tmp_path / "logs" / "r1.failure.log").read_text(encoding="utf-8")
    assert str(found).startswith("Pull: stopped by an error that this program does not know\n  found:  RuntimeError: ")
    assert str(tmp_path / "logs" / "r1.failure.log") in str(found)
    assert "RuntimeError: patient" in log
    assert "ValueError: invalid literal for int() with base" in log
    assert "test_redaction.py" in log
    assert not any(secret in str(found) for secret in SECRETS)
