"""Run-to-run drift: far fewer rows than at the last run usually mean a broken export. A warning, never a stop."""

import dagster as dg

from orchestration.defs.table_metadata import ROW_COUNT

DRIFT = "rows_have_not_fallen"
LARGEST_FALL = 0.20


def drift_check(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of one pulled table."""
    description = f"Not more than {LARGEST_FALL:.0%} fewer rows than at the last run."
    return dg.AssetCheckSpec(DRIFT, asset=key, description=description)


def drift_result(context: dg.AssetExecutionContext, key: dg.AssetKey, rows: int) -> dg.AssetCheckResult:
    """Compare `rows` with the last run's; the first run passes."""
    before = _rows_before(context, key)
    has_fallen = before is not None and rows < before * (1 - LARGEST_FALL)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=DRIFT,
        passed=not has_fallen,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rows": rows, **({} if before is None else {"rows_at_last_run": before})},
        description=f"{rows:,} rows after {before:,} at the last run" if has_fallen else None,
    )


def _rows_before(context: dg.AssetExecutionContext, key: dg.AssetKey) -> int | None:
    event = context.instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    value = materialization.metadata.get(ROW_COUNT) if materialization else None
    return value.value if isinstance(value, dg.IntMetadataValue) else None
