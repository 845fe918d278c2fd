"""The team's own registers: aims, change tests, drivers and what the charts are told; small CSV files beside the data."""
