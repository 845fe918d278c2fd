"""When the refresh runs by itself, and how old what it makes may become."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from orchestration.settings import Settings

# A daily refresh that failed once is late; one that failed twice is too late.
DAILY = dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=50), warn_window=dt.timedelta(hours=26))


def daily_refresh(settings: Settings, job_name: str) -> dg.ScheduleDefinition:
    """The daily schedule; it stays off until somebody switches it on."""
    return dg.ScheduleDefinition(
        name=f"daily_{job_name}",
        job_name=job_name,
        cron_schedule=settings.schedule.cron,
        execution_timezone=settings.schedule.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="The whole refresh, every day. Off until it is switched on.",
    )
