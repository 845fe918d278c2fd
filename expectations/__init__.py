"""What the gate expects, as Great Expectations suites, and the thresholds that a data steward sets.

The suites are functions that import Great Expectations only when called; `orchestration.quality` runs them and judges.
"""
