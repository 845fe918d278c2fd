"""Groups of assets and who answers for each, so that the graph reads in the order that the data take."""

from __future__ import annotations

SOURCES, RAW, SEEDS, GATE, ANALYSIS, RELEASE = "sources", "raw", "seeds", "gate", "analysis", "release"

DATA_ENGINEERING, ANALYTICS = "team:data-engineering", "team:analytics"
DATA_STEWARDSHIP, QUALITY_IMPROVEMENT = "team:data-stewardship", "team:quality-improvement"

# dbt's folders under models/ are groups of the same names; what dbt's own groups.yml says about owners comes first.
OWNERS: dict[str, str] = {
    SOURCES: DATA_ENGINEERING,
    RAW: DATA_ENGINEERING,
    SEEDS: DATA_STEWARDSHIP,
    "staging": DATA_ENGINEERING,
    "intermediate": DATA_ENGINEERING,
    "populations": ANALYTICS,
    "measures": ANALYTICS,
    "quality": DATA_STEWARDSHIP,
    "marts": ANALYTICS,
    GATE: DATA_STEWARDSHIP,
    ANALYSIS: ANALYTICS,
    RELEASE: QUALITY_IMPROVEMENT,
}
