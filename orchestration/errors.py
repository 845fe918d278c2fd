"""Errors a user can act on: where, the rule, what was found and the remedy. None carries a patient's value."""

from __future__ import annotations

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_BLOCKED = 3


class EquityError(Exception):
    """A failure with its remedy; printed without a traceback.

    `where` names a file, table or setting; `rule` what must hold; `found` what was there instead (never a patient's
    value); `remedy` what to do next.
    """

    exit_code = EXIT_ERROR

    def __init__(self, rule: str, *, where: str = "", found: str = "", remedy: str = "") -> None:
        self.rule, self.where, self.found, self.remedy = rule, where, found, remedy
        parts = [f"{where}: {rule}" if where else rule]
        if found:
            parts.append(f"  found:  {found}")
        if remedy:
            parts.append(f"  remedy: {remedy}")
        super().__init__("\n".join(parts))


class SettingsError(EquityError):
    """`equity.toml`, the environment or a command's arguments are not usable."""

    exit_code = EXIT_USAGE


class SourceError(EquityError):
    """A source file or table cannot be read as a whole; rows that fail alone are quarantined instead."""


class TransformError(EquityError):
    """The transformation failed, or rows were lost on the way."""


class StatisticsError(EquityError):
    """Counts or vocabularies given to the statistics or to disclosure control cannot be right; nothing is guessed."""


class GateError(EquityError):
    """A check of the gate could not be carried out, so it neither passed nor failed; nothing is published."""


class BlockedError(EquityError):
    """The gate or the audit refused publication; the previous release stays current."""

    exit_code = EXIT_BLOCKED
