"""The one job: everything, from the sources to the release. The command line and the web UI launch this very job."""

from __future__ import annotations

import dagster as dg

REFRESH = "refresh"


def refresh_job() -> dg.UnresolvedAssetJobDefinition:
    """Every asset and every check."""
    return dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description="Pull, transform, judge, analyse, publish. Everything behind the raw zone is rebuilt on every run.",
    )
