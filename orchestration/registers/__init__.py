"""The team's own registers: aims, change tests, drivers, and what charts are told; small CSV files."""
