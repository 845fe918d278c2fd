"""Writes a release: tables, report, manifest; swaps it in."""
