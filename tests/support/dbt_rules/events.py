"""What event measures count, and over which months.

The window is July 2025 to June 2026; where nothing else is said, a child is ten years old and was diagnosed in 2020.
"""

from __future__ import annotations

from tests.support.dbt_rules.rule import QUARTERS, Rule, year_of

RULES = (
    Rule(
        name="what_event_measures_count",
        children="""
            child
            emergency
            low_sugar_emergency
            clinic
            other_clinic
            stay
            same_day_stay
            stays_still
            ketoacidosis
            emergency_dka
            coma
        """,
        tables={
            "encounters": """
                child               | encounter_class | service      | starts_on  | ends_on    | primary_dx
                emergency           | ED              |              | 2025-08-01 | 2025-08-01 | E10.9
                low_sugar_emergency | emergency       |              | 2025-08-01 | 2025-08-01 | E10.641
                clinic              | outpatient      | diabetes     | 2025-08-01 | 2025-08-01 | E10.9
                other_clinic        | outpatient      | primary_care | 2025-08-01 | 2025-08-01 | E10.9
                stay                | inpatient       |              | 2025-08-30 | 2025-09-03 | J45.901
                same_day_stay       | inpatient       |              | 2025-08-30 | 2025-08-30 | J45.901
                stays_still         | inpatient       |              | 2026-06-10 |            |
                ketoacidosis        | inpatient       |              | 2025-08-01 | 2025-08-03 | E10.10
                emergency_dka       | ED              |              | 2025-08-01 | 2025-08-01 | E10.10
                coma                | inpatient       |              | 2025-08-01 | 2025-08-02 | E10.641
            """
        },
        query=year_of(
            ed="ed_visits",
            clinic="clinic_visits",
            bed_days="bed_days",
            dka="dka_admissions",
            hypo="severe_hypoglycaemia",
        ),
        expected="""
            child               | ed   | clinic | bed_days | dka  | hypo
            emergency           | 1/12 | 0/12   | 0/12     | 0/12 | 0/12
            low_sugar_emergency | 1/12 | 0/12   | 0/12     | 0/12 | 1/12
            clinic              | 0/12 | 1/12   | 0/12     | 0/12 | 0/12
            other_clinic        | 0/12 | 0/12   | 0/12     | 0/12 | 0/12
            stay                | 0/12 | 0/12   | 4/12     | 0/12 | 0/12
            same_day_stay       | 0/12 | 0/12   | 1/12     | 0/12 | 0/12
            stays_still         | 0/12 | 0/12   | 34/12    | 0/12 | 0/12
            ketoacidosis        | 0/12 | 0/12   | 2/12     | 1/12 | 0/12
            emergency_dka       | 1/12 | 0/12   | 0/12     | 0/12 | 0/12
            coma                | 0/12 | 0/12   | 1/12     | 0/12 | 1/12
        """,
    ),
    Rule(
        name="ketoacidosis_at_diagnosis_does_not_count",
        children="""
            child           | diagnosed_on
            on_the_day      | 2025-09-10
            fourteen_days   | 2025-09-10
            fifteen_days    | 2025-09-10
            fourteen_before | 2025-09-15
        """,
        tables={
            "encounters": """
                child           | encounter_class | starts_on  | ends_on    | primary_dx
                on_the_day      | inpatient       | 2025-09-10 | 2025-09-12 | E10.10
                fourteen_days   | inpatient       | 2025-09-24 | 2025-09-26 | E10.10
                fifteen_days    | inpatient       | 2025-09-25 | 2025-09-26 | E10.10
                fourteen_before | inpatient       | 2025-09-01 | 2025-09-03 | E10.10
            """
        },
        query=year_of(dka="dka_admissions", bed_days="bed_days"),
        # The days in hospital count all the same.
        expected="""
            child           | dka  | bed_days
            on_the_day      | 0/10 | 2/10
            fourteen_days   | 0/10 | 2/10
            fifteen_days    | 1/10 | 1/10
            fourteen_before | 0/10 | 2/10
        """,
    ),
    Rule(
        name="months_of_children_who_join_and_leave",
        children="""
            child           | enrolled_on | left_on    | birth_date
            throughout      |             |            |
            joins_in_middle | 2025-11-15  |            |
            leaves_early    |             | 2025-11-29 |
            both            | 2025-08-31  | 2025-12-30 |
            within          | 2025-08-01  | 2025-08-31 |
            never_at_an_end | 2025-08-02  | 2025-08-30 |
            turns_21        |             |            | 2004-12-01
        """,
        tables={
            "encounters": """
                child           | encounter_class | starts_on
                throughout      | ED              | 2025-10-05
                throughout      | ED              | 2025-12-05
                joins_in_middle | ED              | 2025-10-05
                joins_in_middle | ED              | 2025-11-05
                joins_in_middle | ED              | 2025-12-05
                leaves_early    | ED              | 2025-10-05
                leaves_early    | ED              | 2025-11-05
                never_at_an_end | ED              | 2025-08-15
            """
        },
        query=QUARTERS,
        # A month counts when the child was there on its last day; then all its events count, even from before joining.
        expected="""
            child           | quarter  | children | months | visits | months_squared | visits_squared | visits_by_months
            throughout      | Jul 2025 | 1        | 3      | 0      | 9              | 0              | 0
            throughout      | Oct 2025 | 1        | 3      | 2      | 9              | 4              | 6
            throughout      | Jan 2026 | 1        | 3      | 0      | 9              | 0              | 0
            throughout      | Apr 2026 | 1        | 3      | 0      | 9              | 0              | 0
            joins_in_middle | Oct 2025 | 1        | 2      | 2      | 4              | 4              | 4
            joins_in_middle | Jan 2026 | 1        | 3      | 0      | 9              | 0              | 0
            joins_in_middle | Apr 2026 | 1        | 3      | 0      | 9              | 0              | 0
            leaves_early    | Jul 2025 | 1        | 3      | 0      | 9              | 0              | 0
            leaves_early    | Oct 2025 | 1        | 1      | 1      | 1              | 1              | 1
            both            | Jul 2025 | 1        | 2      | 0      | 4              | 0              | 0
            both            | Oct 2025 | 1        | 2      | 0      | 4              | 0              | 0
            within          | Jul 2025 | 1        | 1      | 0      | 1              | 0              | 0
            turns_21        | Jul 2025 | 1        | 3      | 0      | 9              | 0              | 0
            turns_21        | Oct 2025 | 1        | 2      | 0      | 4              | 0              | 0
        """,
    ),
)
