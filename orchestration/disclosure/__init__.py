"""Disclosure control on published counts: frames in, frames out; no Dagster, dbt or DuckDB here."""
