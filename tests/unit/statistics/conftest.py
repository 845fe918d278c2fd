"""Property tests here draw the same examples on every run, and a slow first import is no failure."""

from hypothesis import settings

settings.register_profile("statistics", deadline=None, derandomize=True, max_examples=80)
settings.load_profile("statistics")
