"""The release contract as data: which tables a release has, their columns, types and meaning, each described once.

It is the whitelist that the last guard holds every table against. How tables are filled is in `tables.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release import columns_over_time

_TEXT, _DATE, _COUNT, _NUMBER, _FLAG = pa.string(), pa.date32(), pa.int64(), pa.float64(), pa.bool_()

# One entry per column name; the same name means the same thing in every table.
_COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "release_id": (_TEXT, "The release that the row belongs to."),
    "measure_id": (_TEXT, "Which measure."),
    "measure_title": (_TEXT, "The measure's name in words."),
    "title": (_TEXT, "The measure's name in words."),
    "description": (_TEXT, "What the measure says, in plain words."),
    "population": (_TEXT, "Who is counted."),
    "kind": (_TEXT, "proportion, rate or mean."),
    "family": (_TEXT, "outcome, process or balancing."),
    "direction": (_TEXT, "lower_is_better or higher_is_better."),
    "unit": (_TEXT, "Unit of `value` or of `difference`, and of its interval."),
    "multiplier": (_NUMBER, "value = numerator / denominator * multiplier."),
    "counts_what": (_TEXT, "What the numerator counts: patients, events, days, or a sum of tenths."),
    "denominator_unit": (_TEXT, "What the denominator counts: patients or patient_months."),
    "untested_convention": (
        _TEXT,
        "How children without a test count: tested_only or untested_not_met; empty where the question does not arise.",
    ),
    "grains": (_TEXT, "Period lengths that the measure is given for."),
    "exclusions": (_TEXT, "Who or what is left out, and why."),
    "steward": (_TEXT, "Who answers for the definition."),
    "citation": (_TEXT, "Where the definition comes from."),
    "sort_order": (_COUNT, "Order of presentation."),
    "grain": (_TEXT, "Length of the period: month, quarter or year."),
    "period_starts_on": (_DATE, "First day of the period."),
    "period_ends_on": (_DATE, "Last day of the period."),
    "period_label": (_TEXT, "The period in words."),
    "is_complete_period": (_FLAG, "False while the period is still under way in the data."),
    "site": (_TEXT, "Site code; `all` is every site together."),
    "site_label": (_TEXT, "The site's name."),
    "stratifier": (_TEXT, "By what the children are grouped; `overall` is everyone together."),
    "stratifier_label": (_TEXT, "The stratifier's name."),
    "stratum": (_TEXT, "The group."),
    "stratum_label": (_TEXT, "The group's name."),
    "stratifier_2": (_TEXT, "Second stratifier of a crossing; empty when there is none."),
    "stratifier_2_label": (_TEXT, "The second stratifier's name."),
    "stratum_2": (_TEXT, "The group in the second stratifier; empty when there is none."),
    "stratum_2_label": (_TEXT, "The name of the group in the second stratifier."),
    "is_missing_category": (_FLAG, "True when the group is a reason why the category is not known, such as declined."),
    "n_patients": (_COUNT, "Children in the group; empty when suppressed or held."),
    "numerator": (_COUNT, "What was counted; empty when suppressed or held."),
    "denominator": (_COUNT, "Out of how many; empty when suppressed or held."),
    "value": (_NUMBER, "The measure's or the metric's value; empty when suppressed, held or not applicable."),
    "ci_low": (_NUMBER, "Lower end of the interval around `value`."),
    "ci_high": (_NUMBER, "Upper end of the interval around `value`."),
    "ci_method": (_TEXT, "How the interval was computed."),
    "value_standardised": (
        _NUMBER,
        "`value` with the standard population's ages and sexes (direct), to three digits; years only, and not where it"
        " would be unreliable.",
    ),
    "value_standardised_low": (_NUMBER, "Lower end of the interval around `value_standardised`."),
    "value_standardised_high": (_NUMBER, "Upper end of the interval around `value_standardised`."),
    "value_standardised_method": (_TEXT, "How the interval around `value_standardised` was computed."),
    "observed_to_expected": (
        _NUMBER,
        "Counted over expected at the rates of all sites' children of the same ages and sexes (indirect); years only.",
    ),
    "observed_to_expected_low": (_NUMBER, "Lower end of the interval around `observed_to_expected`."),
    "observed_to_expected_high": (_NUMBER, "Upper end of the interval around `observed_to_expected`."),
    "observed_to_expected_method": (_TEXT, "How the interval around `observed_to_expected` was computed."),
    "reference_rule": (_TEXT, "How the reference group was chosen: best, overall, largest or named."),
    "reference_stratum": (_TEXT, "The group that this one is compared with."),
    "reference_label": (_TEXT, "The reference group's name."),
    "reference_stratum_2": (_TEXT, "The reference group in the second stratifier; empty when there is none."),
    "reference_chosen_from": (
        _DATE,
        "First day of the period in which the reference was chosen, since when it is frozen; empty for other rules.",
    ),
    "difference": (_NUMBER, "Gap as a difference, in `unit`; positive means this group is worse off."),
    "difference_low": (_NUMBER, "Lower end of the interval around `difference`."),
    "difference_high": (_NUMBER, "Upper end of the interval around `difference`."),
    "difference_method": (_TEXT, "How the interval around `difference` was computed."),
    "ratio": (_NUMBER, "Gap as a ratio; empty where it cannot be computed."),
    "ratio_low": (_NUMBER, "Lower end of the interval around `ratio`."),
    "ratio_high": (_NUMBER, "Upper end of the interval around `ratio`."),
    "ratio_method": (_TEXT, "How the interval around `ratio` was computed."),
    "excess": (_NUMBER, "Events or children that would not have been counted had the group had the reference's value."),
    "excess_low": (_NUMBER, "Lower end of the interval around `excess`."),
    "excess_high": (_NUMBER, "Upper end of the interval around `excess`."),
    "p_value": (_NUMBER, "Two-sided p of no gap."),
    "p_method": (_TEXT, "The test that `p_value` comes from."),
    "p_adjusted": (_NUMBER, "The same, adjusted for the many gaps tested together (Benjamini-Hochberg)."),
    "is_meaningful": (
        _FLAG,
        "AHRQ rule: p at most 0.05 and relative difference at least 10 %; empty if not assessed.",
    ),
    "bound_low": (
        _NUMBER,
        "Lowest `difference` over all ways to allocate the children whose group is not known.",
    ),
    "bound_high": (_NUMBER, "Highest `difference` over all these ways."),
    "bound_method": (_TEXT, "How the bounds were computed, or why there are none."),
    "is_sign_robust": (
        _FLAG,
        "True when the gap has the same sign in every allocation of the children whose group is not known.",
    ),
    "index_id": (_TEXT, "Which summary index; every_index where none can be given."),
    "index_value": (_NUMBER, "The index over all groups; a positive signed index means disadvantage of the worse-off."),
    "index_low": (_NUMBER, "Lower end of the interval around `index_value`."),
    "index_high": (_NUMBER, "Upper end of the interval around `index_value`."),
    "index_unit": (_TEXT, "Unit of the index."),
    "index_method": (_TEXT, "How the interval around `index_value` was computed."),
    "index_note": (_TEXT, "What limits the index, or why it is empty."),
    "n_groups": (_COUNT, "Groups of the stratifier that anybody is in."),
    "n_groups_published": (_COUNT, "Of these, the groups whose values are published and so enter the index."),
    "baseline_starts_on": (_DATE, "First day of the year that is compared with."),
    "difference_before": (_NUMBER, "`difference` in the baseline year."),
    "difference_change": (_NUMBER, "`difference` less `difference_before`; below 0 the gap narrowed."),
    "difference_change_low": (_NUMBER, "Lower end of the interval around `difference_change`."),
    "difference_change_high": (_NUMBER, "Upper end of the interval around `difference_change`."),
    "group_part": (_NUMBER, "Of the change, what this group's own value brought; below 0 it got better."),
    "reference_part": (_NUMBER, "Of the change, what the reference's value brought; below 0 it got worse."),
    "reference_part_low": (_NUMBER, "Lower end of the interval around `reference_part`."),
    "reference_part_high": (_NUMBER, "Upper end of the interval around `reference_part`."),
    "change_method": (_TEXT, "How the intervals of the change were computed."),
    "change_verdict": (
        _TEXT,
        "narrowed, widened or turned around beyond chance, or unclear; empty when not published.",
    ),
    "levelling_down": (
        _TEXT,
        "Whether a gap narrowed because the reference got worse: yes (both beyond chance), possible (one of them may"
        " be chance) or no.",
    ),
    "composition_part": (_NUMBER, "Of `difference`, what goes with living in other neighborhoods."),
    "composition_part_low": (_NUMBER, "Lower end of the interval around `composition_part`."),
    "composition_part_high": (_NUMBER, "Upper end of the interval around `composition_part`."),
    "within_part": (_NUMBER, "Of `difference`, what is left within neighborhoods of the same kind."),
    "within_part_low": (_NUMBER, "Lower end of the interval around `within_part`."),
    "within_part_high": (_NUMBER, "Upper end of the interval around `within_part`."),
    "decomposition_method": (_TEXT, "How the intervals of the parts were computed."),
    "caveat": (_TEXT, "What the split must not be taken for."),
    "release_before": (_TEXT, "The release that this one is compared with; empty for the first."),
    "change": (_TEXT, "What changed since that release."),
    "before": (_TEXT, "How it was: a gap with its interval, a word of the gate or of disclosure control, or a text."),
    "after": (_TEXT, "How it is now."),
    "field": (_TEXT, "Which recorded field the metric is about."),
    "metric": (_TEXT, "Which data-quality metric."),
    "n": (_COUNT, "Children that the metric is based on; empty when suppressed."),
    "threshold": (_TEXT, "What the gate asks of the metric; empty where it asks nothing."),
    "verdict": (_TEXT, "The gate's word: publish, warn or hold; empty where it asks nothing."),
    "reasons": (_TEXT, "Why the slice is held."),
    "quality_reasons": (_TEXT, "Why the slice is shown with caution or held; empty when neither."),
    "disclosure_status": (
        _TEXT,
        "published, suppressed (a count small enough to point to a child) or not_assessed (held before that).",
    ),
    "reliability_status": (
        _TEXT,
        "reliable, unreliable (too few children or too wide an interval), not_assessed, or not_applicable "
        "(nobody in the group).",
    ),
    "quality_status": (_TEXT, "publish, warn (shown with caution) or hold (the recorded data cannot carry it)."),
    **columns_over_time.COLUMNS,
}


@dataclass(frozen=True)
class PublishedTable:
    """One table of a release: what a row is, and its columns in order."""

    name: str
    description: str
    columns: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The exact Arrow schema; nothing else is published under this name."""
        return pa.schema([pa.field(name, _COLUMNS[name][0]) for name in self.columns])

    def column_descriptions(self) -> dict[str, str]:
        """Description per column, in column order."""
        return {name: _COLUMNS[name][1] for name in self.columns}


CHANGES_NUMBERS = (
    *("difference_before", "difference", "difference_change", "difference_change_low", "difference_change_high"),
    *("group_part", "reference_part", "reference_part_low", "reference_part_high"),
)
DECOMPOSITION_NUMBERS = (
    *("difference", "composition_part", "composition_part_low", "composition_part_high"),
    *("within_part", "within_part_low", "within_part_high"),
)
STANDARDISED_NUMBERS = (
    *("value_standardised", "value_standardised_low", "value_standardised_high"),
    *("observed_to_expected", "observed_to_expected_low", "observed_to_expected_high"),
)
_SLICE = (
    *("measure_id", "measure_title", "grain", "period_starts_on", "period_ends_on"),
    *("period_label", "is_complete_period"),
    *("site", "site_label", "stratifier", "stratifier_label"),
)
_GROUP = ("stratum", "stratum_label", "stratifier_2", "stratifier_2_label", "stratum_2", "stratum_2_label")
_STATUSES = ("disclosure_status", "reliability_status", "quality_status", "quality_reasons")

TABLES: dict[str, PublishedTable] = {
    table.name: table
    for table in (
        PublishedTable(
            "measures",
            "What was measured and how it is defined. One row per measure.",
            (
                *("release_id", "measure_id", "title", "description", "population"),
                *("kind", "family", "direction", "unit"),
                *("multiplier", "counts_what", "denominator_unit", "untested_convention", "grains", "exclusions"),
                *("steward", "citation", "sort_order"),
            ),
        ),
        PublishedTable(
            "strata",
            "Every measure in every group. One row per measure, period, site and group; crossings name two groups.",
            (
                *("release_id", *_SLICE, *_GROUP, "is_missing_category", "n_patients", "numerator", "denominator"),
                *("value", "ci_low", "ci_high", "unit", "ci_method", *STANDARDISED_NUMBERS[:3]),
                *("value_standardised_method", *STANDARDISED_NUMBERS[3:], "observed_to_expected_method", *_STATUSES),
            ),
        ),
        PublishedTable(
            "gaps",
            "Every group against its reference group. One row per measure, period, site and group.",
            (
                *("release_id", *_SLICE, *_GROUP, "is_missing_category"),
                *("reference_rule", "reference_stratum", "reference_label", "reference_stratum_2"),
                "reference_chosen_from",
                *("difference", "difference_low", "difference_high", "unit", "difference_method"),
                *("ratio", "ratio_low", "ratio_high", "ratio_method", "excess", "excess_low", "excess_high"),
                *("p_value", "p_method", "p_adjusted", "is_meaningful", "bound_low", "bound_high", "bound_method"),
                *("is_sign_robust", *_STATUSES),
            ),
        ),
        PublishedTable(
            "inequality",
            "Indices that sum up all groups of a stratifier. One row per measure, period, site, stratifier and index.",
            (
                *("release_id", *_SLICE, "index_id", "index_value", "index_low", "index_high", "index_unit"),
                *("unit", "index_method", "index_note", "n_groups", "n_groups_published"),
                *("reference_stratum", "reference_label", "reference_stratum_2", *_STATUSES),
            ),
        ),
        PublishedTable(
            "changes",
            "What each gap changed since the first year, by side. One row per measure, year, site and group.",
            (
                *("release_id", *_SLICE, "baseline_starts_on", *_GROUP, "is_missing_category", "reference_rule"),
                *("reference_stratum", "reference_label", "reference_stratum_2", *CHANGES_NUMBERS, "unit"),
                *("change_method", "change_verdict", "levelling_down", *_STATUSES),
            ),
        ),
        PublishedTable(
            "decomposition",
            "Gaps by race split into neighborhoods' mix and the rest. One row per measure, year, site and group.",
            (
                *("release_id", *_SLICE, "stratum", "stratum_label", "stratifier_2", "stratifier_2_label"),
                *("reference_stratum", "reference_label", *DECOMPOSITION_NUMBERS, "unit", "decomposition_method"),
                *("caveat", *_STATUSES),
            ),
        ),
        PublishedTable(
            "quality",
            "How well the recorded data carry a gap. "
            "One row per field, metric, period, site, and measure or group if specific.",
            (
                *("release_id", "field", "site", "site_label", "grain", "period_starts_on", "period_label"),
                *("measure_id", "measure_title", "stratifier", "stratifier_label", "stratum", "stratum_label"),
                *("metric", "value", "n", "threshold", "verdict", "disclosure_status"),
            ),
        ),
        PublishedTable(
            "held",
            "What the recorded data cannot carry and is not shown. One row per measure, period, site and stratifier.",
            ("release_id", *_SLICE, "verdict", "reasons"),
        ),
        PublishedTable(
            "change_notes",
            "What changed since the release before. One row per change.",
            (
                *("release_id", "release_before", "change", "measure_id", "measure_title", "grain"),
                *("period_starts_on", "period_label", "site", "site_label", "stratifier", "stratifier_label"),
                *("stratum", "stratum_label", "stratum_2", "stratum_2_label", "before", "after"),
            ),
        ),
        *(PublishedTable(*table) for table in columns_over_time.TABLES),
    )
}

# Numbers that a suppressed or held row must not have.
STRATA_NUMBERS = (
    *("n_patients", "numerator", "denominator", "value", "ci_low", "ci_high"),
    *STANDARDISED_NUMBERS,
)
GAPS_NUMBERS = (
    *("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high"),
    *("excess", "excess_low", "excess_high", "p_value", "p_adjusted", "is_meaningful"),
    *("bound_low", "bound_high", "is_sign_robust"),
)
INEQUALITY_NUMBERS = ("index_value", "index_low", "index_high")
