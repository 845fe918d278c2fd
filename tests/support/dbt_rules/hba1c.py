"""What state measures make of the most recent HbA1c.

The window is July 2025 to June 2026; where nothing else is said, a child is ten years old and was diagnosed in 2020.
"""

from __future__ import annotations

from tests.support.dbt_rules.rule import Rule, year_of

RULES = (
    Rule(
        name="numerators_of_hba1c_measures",
        children="""
            child
            six_nine
            seven
            nine
            nine_one
            untested
        """,
        tables={
            "observations": """
                child    | observed_on | value
                six_nine | 2026-05-01  | 6.9
                seven    | 2026-05-01  | 7.0
                nine     | 2026-05-01  | 9.0
                nine_one | 2026-05-01  | 9.1
            """
        },
        query=year_of(
            below_7="hba1c_below_7",
            below_7_of_all="hba1c_below_7_of_all",
            above_9="hba1c_above_9",
            above_9_or_untested="hba1c_above_9_or_untested",
            mean="hba1c_mean",
            tested="hba1c_tested",
        ),
        # 7.0 is not below 7, 9.0 is not above 9. A child who was not tested counts as not reached, or not at all.
        expected="""
            child    | below_7 | below_7_of_all | above_9 | above_9_or_untested | mean | tested
            six_nine | 1/1     | 1/1            | 0/1     | 0/1                 | 69/1 | 1/1
            seven    | 0/1     | 0/1            | 0/1     | 0/1                 | 70/1 | 1/1
            nine     | 0/1     | 0/1            | 0/1     | 0/1                 | 90/1 | 1/1
            nine_one | 0/1     | 0/1            | 1/1     | 1/1                 | 91/1 | 1/1
            untested | 0/0     | 0/1            | 0/0     | 1/1                 | 0/0  | 0/1
        """,
    ),
    Rule(
        name="the_most_recent_result_of_twelve_months",
        children="""
            child
            first_day_of_window
            day_before
            newest_counts
            lowest_of_the_day
            known_late
            after_the_period
        """,
        tables={
            "observations": """
                child               | observed_on | value | resulted_on
                first_day_of_window | 2025-07-01  | 8.1   |
                day_before          | 2025-06-30  | 8.1   |
                newest_counts       | 2025-11-20  | 6.5   |
                newest_counts       | 2026-06-01  | 9.8   |
                lowest_of_the_day   | 2026-06-01  | 9.8   |
                lowest_of_the_day   | 2026-06-01  | 7.7   |
                known_late          | 2026-06-29  | 7.2   | 2026-07-10
                after_the_period    | 2026-07-01  | 7.2   |
            """
        },
        query=year_of(mean="hba1c_mean", tested="hba1c_tested"),
        expected="""
            child               | mean | tested
            first_day_of_window | 81/1 | 1/1
            day_before          | 0/0  | 0/1
            newest_counts       | 98/1 | 1/1
            lowest_of_the_day   | 77/1 | 1/1
            known_late          | 72/1 | 1/1
            after_the_period    | 0/0  | 0/1
        """,
    ),
    Rule(
        name="hba1c_measures_begin_ninety_days_after_diagnosis",
        children="""
            child       | diagnosed_on
            ninety_days | 2026-04-01
            a_day_less  | 2026-04-02
        """,
        tables={
            "observations": """
                child       | observed_on | value
                ninety_days | 2026-06-01  | 8.0
                a_day_less  | 2026-06-01  | 8.0
            """
        },
        query=year_of(tested="hba1c_tested", visits="clinic_visits"),
        # The one is there for the months of April, May and June, the other as well; only the first is established.
        expected="""
            child       | tested | visits
            ninety_days | 1/1    | 0/3
            a_day_less  |        | 0/3
        """,
    ),
)
