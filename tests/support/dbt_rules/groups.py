"""Which group a child belongs to in a month, and which group a period belongs to.

The window is July 2025 to June 2026; where nothing else is said, a child is ten years old and was diagnosed in 2020.
"""

from __future__ import annotations

from tests.support.dbt_rules.rule import SPANS, STRATA_OF_VISITS, Rule

RULES = (
    Rule(
        name="the_address_that_held_on_the_last_day_of_the_month",
        children="""
            child
            moves_in_mid_month
            moves_on_the_last_day
            gap
            overlap
            stays_within_another
            elsewhere
            no_address
            since_ever
        """,
        tables={
            "addresses": """
                child                 | tract_geoid | starts_on  | ends_on
                moves_in_mid_month    | 1           | 2024-01-01 | 2025-10-14
                moves_in_mid_month    | 5           | 2025-10-15 |
                moves_on_the_last_day | 1           | 2024-01-01 | 2025-10-30
                moves_on_the_last_day | 5           | 2025-10-31 |
                gap                   | 1           | 2024-01-01 | 2025-10-14
                gap                   | 2           | 2026-01-10 |
                overlap               | 1           | 2024-01-01 | 2025-12-31
                overlap               | 4           | 2025-10-15 |
                stays_within_another  | 1           | 2024-01-01 |
                stays_within_another  | 3           | 2025-10-15 | 2025-11-30
                elsewhere             | 9           | 2024-01-01 |
                since_ever            | 2           | 1753-01-01 |
            """
        },
        query=SPANS.format(columns="poverty_quintile"),
        # A span that lies within another ends it for good: the earlier address is not taken up again.
        expected="""
            child                 | first_month | last_month | poverty_quintile
            moves_in_mid_month    | Jul 2025    | Sep 2025   | q1
            moves_in_mid_month    | Oct 2025    | Jun 2026   | q5
            moves_on_the_last_day | Jul 2025    | Sep 2025   | q1
            moves_on_the_last_day | Oct 2025    | Jun 2026   | q5
            gap                   | Jul 2025    | Sep 2025   | q1
            gap                   | Oct 2025    | Dec 2025   | no_address
            gap                   | Jan 2026    | Jun 2026   | q2
            overlap               | Jul 2025    | Sep 2025   | q1
            overlap               | Oct 2025    | Jun 2026   | q4
            stays_within_another  | Jul 2025    | Sep 2025   | q1
            stays_within_another  | Oct 2025    | Nov 2025   | q3
            stays_within_another  | Dec 2025    | Jun 2026   | no_address
            elsewhere             | Jul 2025    | Jun 2026   | tract_not_in_area_file
            no_address            | Jul 2025    | Jun 2026   | no_address
            since_ever            | Jul 2025    | Jun 2026   | q2
        """,
    ),
    Rule(
        name="the_insurance_that_held_on_the_last_day_of_the_month",
        children="""
            child
            insured
            changes
            loses
        """,
        tables={
            "coverage": """
                child   | payer      | starts_on  | ends_on
                insured | Medicaid   | 2024-01-01 |
                changes | Medicaid   | 2024-01-01 | 2025-10-31
                changes | commercial | 2025-11-01 | 9999-12-31
                loses   | commercial | 2024-01-01 | 2025-10-30
                loses   | self-pay   | 2026-02-01 |
            """
        },
        query=SPANS.format(columns="payer"),
        expected="""
            child   | first_month | last_month | payer
            insured | Jul 2025    | Jun 2026   | public
            changes | Jul 2025    | Oct 2025   | public
            changes | Nov 2025    | Jun 2026   | commercial
            loses   | Jul 2025    | Sep 2025   | commercial
            loses   | Oct 2025    | Jan 2026   | not_recorded
            loses   | Feb 2026    | Jun 2026   | uninsured
        """,
    ),
    Rule(
        name="the_age_on_the_last_day_of_the_month",
        children="""
            child         | birth_date
            on_the_last   | 2013-10-31
            on_the_first  | 2013-11-01
            on_29_feb     | 2008-02-29
            newborn       | 2019-12-15
        """,
        query=SPANS.format(columns="age_band"),
        # A child born on 29 February has its birthday on the 28th in other years.
        expected="""
            child        | first_month | last_month | age_band
            on_the_last  | Jul 2025    | Sep 2025   | age_06_11
            on_the_last  | Oct 2025    | Jun 2026   | age_12_17
            on_the_first | Jul 2025    | Oct 2025   | age_06_11
            on_the_first | Nov 2025    | Jun 2026   | age_12_17
            on_29_feb    | Jul 2025    | Jan 2026   | age_12_17
            on_29_feb    | Feb 2026    | Jun 2026   | age_18_20
            newborn      | Jul 2025    | Nov 2025   | age_00_05
            newborn      | Dec 2025    | Jun 2026   | age_06_11
        """,
    ),
    Rule(
        name="a_quarter_belongs_to_the_group_at_its_end",
        children="""
            child
            moves_and_stays
        """,
        tables={
            "addresses": """
                child           | tract_geoid | starts_on  | ends_on
                moves_and_stays | 1           | 2024-01-01 | 2025-08-10
                moves_and_stays | 5           | 2025-08-11 |
            """,
            "encounters": """
                child           | encounter_class | starts_on
                moves_and_stays | ED              | 2025-07-05
                moves_and_stays | ED              | 2025-09-05
            """,
        },
        query=STRATA_OF_VISITS,
        expected="""
            quarter  | stratum | children | months | visits
            Jul 2025 | q5      | 1        | 3      | 2
            Oct 2025 | q5      | 1        | 3      | 0
            Jan 2026 | q5      | 1        | 3      | 0
            Apr 2026 | q5      | 1        | 3      | 0
        """,
    ),
    Rule(
        name="or_to_the_group_in_which_the_child_left",
        children="""
            child            | left_on
            moves_and_leaves | 2025-08-31
        """,
        tables={
            "addresses": """
                child            | tract_geoid | starts_on  | ends_on
                moves_and_leaves | 1           | 2024-01-01 | 2025-08-10
                moves_and_leaves | 5           | 2025-08-11 | 2025-09-10
                moves_and_leaves | 3           | 2025-09-11 |
            """,
            "encounters": """
                child            | encounter_class | starts_on
                moves_and_leaves | ED              | 2025-07-05
                moves_and_leaves | ED              | 2025-09-05
            """,
        },
        query=STRATA_OF_VISITS,
        expected="""
            quarter  | stratum | children | months | visits
            Jul 2025 | q5      | 1        | 2      | 1
        """,
    ),
)
