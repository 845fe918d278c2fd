"""Equity statistics on small tables: frames in, frames out; no Dagster, dbt or DuckDB here."""
