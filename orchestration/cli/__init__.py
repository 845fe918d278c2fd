"""The `equity` command: a thin face over the one Dagster job and what it leaves behind. No rule of the data is here."""
