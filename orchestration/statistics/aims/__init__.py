"""Aims followed over time: whether registers fit the data and each other, progress, projection, status, safety."""
