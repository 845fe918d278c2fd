"""Do the team's registers fit the data? Looked up in the marts of the last run, so that it takes no run to find out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.registers.reading import Registers

FITTED = "fit the measures, groups and sites of the last run"
NOT_FITTED = "whether they fit the data is seen by the first run"


def fit(registers: Registers, settings: Settings) -> str:
    """FITTED, or NOT_FITTED before there are marts. Raises SettingsError for an entry that a run would refuse."""
    import duckdb

    from orchestration.statistics.aims.validation import check_registers

    marts = settings.marts_dir / "current.duckdb"
    if not marts.is_file():
        return NOT_FITTED
    with duckdb.connect(str(marts.resolve()), read_only=True) as con:
        stratifiers = con.execute("from dim_stratifier").df()
        check_registers(
            **registers.frames(),
            measures=con.execute("from dim_measure").df(),
            stratifiers=stratifiers[~stratifiers["stratifier"].isin(settings.disclosure.kept_in_marts)],
            strata_labels=con.execute("from dim_stratum").df(),
            sites=con.execute("from dim_site").df(),
        )
    return FITTED
