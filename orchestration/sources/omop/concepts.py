"""The concept ids that decide something, as data, with what each becomes in the registry layout.

Source: OMOP standardized vocabularies; PEDSnet and PCORnet keep null flavours apart that OMOP folds into concept 0.
"""

from __future__ import annotations

from collections.abc import Iterable

# Questions whose answers, in `observation`, are a person's races: OHDSI's convention and PEDSnet's.
RACE_QUESTIONS = (4013886, 3050381)

# Categories as CDC Race and Ethnicity codes.
CATEGORIES = {
    8657: "1002-5",  # American Indian or Alaska Native
    8515: "2028-9",  # Asian
    8516: "2054-5",  # Black or African American
    38003563: "2135-2",  # Hispanic or Latino
    38003615: "2118-8",  # Middle Eastern or North African
    8557: "2076-8",  # Native Hawaiian or Other Pacific Islander
    38003564: "2186-5",  # not Hispanic or Latino
    8527: "2106-3",  # White
}
RACES = (8657, 8515, 8516, 38003615, 8557, 8527)
# "More than one race" without saying which: a marker for rows elsewhere, never a category of its own.
SEVERAL_RACES = (1546847, 44814659)
SEVERAL_NOT_SAID = "more than one race, not said which"
# Answers that name no category. NULL: nothing is known of a question.
NO_CATEGORY: dict[int, str | None] = {
    44814650: None,  # no information
    44814653: "unknown",
    8552: "unknown",
    44814660: "declined",  # refused to answer
    44814649: "other",
    8522: "other",
}
# In the ethnicity field, "other" says that ethnicity was not asked apart from race, not that it is another one.
NO_ETHNICITY: dict[int, str | None] = {**NO_CATEGORY, 44814649: None, 8522: None}
# Kinds of record whose answers a person gave in a form of its own, and how; all others are the EHR's.
SURVEY_TYPES = {
    32862: "self",  # patient filled survey
    32865: "self",  # patient self-report
    44814721: "self",  # patient reported
    32883: "unknown",  # survey
    45905771: "unknown",  # observation recorded from a survey
}
OBSERVED_TYPES = (32851,)  # a healthcare professional filled the survey

SEXES = {
    8507: "M",
    8532: "F",
    8521: "X",  # other
    8570: "X",  # ambiguous
    44814664: "X",  # ambiguous (PCORnet)
    44814649: "X",  # other (PCORnet)
    8551: "U",
    44814653: "U",
    44814650: "U",
}

LANGUAGES: dict[int, str | None] = {
    4180186: "en",
    4182511: "es",
    44814649: "other",
    44814653: "unknown",
    44814660: "declined",
}

# A visit that began in the emergency room and became an admission counts as both.
EMERGENCY_AND_INPATIENT = 262
VISIT_CLASSES = {
    9203: "ED",
    8870: "ED",  # emergency room, hospital
    9201: "inpatient",
    8717: "inpatient",  # inpatient hospital
    8971: "inpatient",  # inpatient psychiatric facility
    8920: "inpatient",  # comprehensive inpatient rehabilitation facility
    32037: "inpatient",  # intensive care
    581379: "inpatient",  # inpatient critical care facility
    9202: "outpatient",
    581477: "outpatient",  # office visit
    5083: "outpatient",  # telehealth
    8756: "outpatient",  # outpatient hospital
    8940: "outpatient",  # office
    8782: "outpatient",  # urgent care facility
    581476: "outpatient",  # home visit
    581385: "outpatient",  # observation room
    8883: "outpatient",  # ambulatory surgical center
}
# Standard concepts whose descendants are of the same class.
VISIT_ANCESTORS = (EMERGENCY_AND_INPATIENT, 9203, 9201, 9202, 5083)
ANCESTORS = (*VISIT_ANCESTORS, *RACES)

# What makes a diagnosis the visit's main one, the best first: the statuses of CDM 5.4, then older types.
PRIMARY_STATUSES = (32903, 32902, 32901)  # primary discharge diagnosis, primary diagnosis, primary admission diagnosis
PRIMARY_TYPES = (
    44786627,  # primary condition
    44786628,  # first position condition
    38000199,  # inpatient header, primary
    38000183,  # inpatient detail, primary
    38000200,  # inpatient header, 1st position
    38000184,  # inpatient detail, 1st position
    38000230,  # outpatient header, 1st position
    38000215,  # outpatient detail, 1st position
)

DIABETES_SPECIALTIES = (38004485,)  # endocrinology
UNITS = {8554: "%", 9579: "mmol/mol"}


def listed(ids: Iterable[int]) -> str:
    """The ids as the inside of an SQL list."""
    return ", ".join(str(each) for each in ids)
