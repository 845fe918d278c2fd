"""Seeded registry generator with known, planted gaps."""
