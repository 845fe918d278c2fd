"""What the release before had shown and hidden: new releases are kept from saying, together with it, what it hid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    *("measure_id", "grain", "period_starts_on", "site", "stratifier", "stratum", "stratifier_2", "stratum_2"),
    "disclosure_status",
)


def statuses(release: Path | None) -> pd.DataFrame | None:
    """Key and `disclosure_status` of every row of `strata` in that folder; None without a release or such a table."""
    if release is None:
        return None
    try:
        frame: pd.DataFrame = pq.read_table(release / "tables" / "strata.parquet", columns=list(_COLUMNS)).to_pandas()
    except (OSError, pa.ArrowException):
        return None
    return frame
