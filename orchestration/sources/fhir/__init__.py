"""FHIR resources in NDJSON files, turned into the registry layout by DuckDB."""
