from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.quality.thresholds import THRESHOLDS_FILE, Rule, load_profile

HEAD = '[profiles.default]\ntitle = "T"\nis_verified = true\n'
RULE = """[profiles.default.rules.race_ethnicity.completeness]
warn_below = 0.90
hold_below = 0.80
min_n = 30
when_few = "warn"
reason = "Recorded for {value} {at_site}; at least {limit} is {needed}"
source = "somewhere"
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "thresholds.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("found", "instead", "rule"),
    [
        ("race_ethnicity.completeness", "race_ethnicity.completness", "metric is one of completeness"),
        ("race_ethnicity.completeness", "colour.completeness", "field is one of race_ethnicity"),
        ("warn_below = 0.90", "warn_below = 0.70", "must not be lower than `hold_below`"),
        ("warn_below = 0.90\nhold_below = 0.80", "warn_above = 0.4\nhold_above = 0.2", "must not be higher than"),
        ("warn_below = 0.90", "warn_above = 0.90", "limits below or limits above"),
        ("warn_below = 0.90\nhold_below = 0.80\n", "", "limits below or limits above"),
        ("warn_below = 0.90", "warn_below = 90", "between 0 and 1"),
        ("warn_below = 0.90", "warn_below = nan", "finite"),
        ("warn_below = 0.90", 'warn_below = "high"', "number"),
        ("min_n = 30", "min_n = 0", "greater than or equal to 1"),
        ("min_n = 30\n", "", "required"),
        ('when_few = "warn"', 'when_few = "shrug"', "'warn' or 'pass'"),
        ("min_n = 30", "min_n = 30\nmim_n = 3", "not permitted"),
        ("{needed}", "{patient}", "may hold"),
        ("{needed}", "{value.__class__}", "may hold"),
        ("min_n = 30", 'min_n = 30\nonly_if = { metric = "completeness" }', "either `above` or `below`"),
        ("min_n = 30", 'min_n = 30\nonly_if = { metric = "zeal", above = 1 }', "`only_if.metric` is one of"),
        ("min_n = 30", 'min_n = 30\nonly_if = { metric = "differential_missing_rd", above = 1 }', "same slices"),
        ("min_n = 30", "min_n = 30\nonly_if_interval_excludes_zero = true", "difference"),
        ("min_n = 30", "min_n = 30\nonly_if_standard_errors_above_baseline = 3", "has a baseline"),
    ],
)
def test_a_wrong_rule_is_refused_by_file_rule_and_remedy(tmp_path: Path, found: str, instead: str, rule: str) -> None:
    path = _write(tmp_path, HEAD + RULE.replace(found, instead))

    with pytest.raises(SettingsError) as refused:
        load_profile("default", path)

    assert refused.value.where == str(path)
    assert rule in refused.value.rule
    assert "profiles.default" in refused.value.rule
    assert refused.value.found
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("profiles = 3", "everything stands under"),
        ("[profiles", "must be TOML"),
        ("limit = 3\n" + HEAD + RULE, "everything stands under"),
        (HEAD, "at least one rule"),
        (HEAD + "rules = 3", "rules are tables"),
        (HEAD + '[profiles.default.measure_fields]\nhba1c = ["m"]\n' + RULE, "each field that a measure stands on"),
        (HEAD + 'based_on = "default"\n' + RULE, "based on another one"),
        ("[profiles.other]\n", "the profile `default` must be in the thresholds file"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule):
        load_profile("default", _write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must exist"):
        load_profile("default", tmp_path / "none.toml")


def test_the_rules_that_the_issue_asks_for_are_the_default() -> None:
    rules = {(rule.field, rule.name): rule for rule in load_profile("default").rules}

    completeness = rules["race_ethnicity", "completeness"]
    assert (completeness.limit("warn"), completeness.limit("hold")) == (0.90, 0.80)
    assert completeness.must_exist
    other = rules["race_ethnicity", "other_share"]
    assert (other.limit("warn"), other.limit("hold")) == (0.10, 0.20)
    assert rules["race_ethnicity", "missing_unmapped"].limit("warn") == 0.01
    assert rules["race_ethnicity", "conflict_share"].limit("hold") is None


def test_the_atlas_profile_says_that_it_is_unverified_and_takes_over_other_fields() -> None:
    default, atlas = load_profile("default"), load_profile("cms_dq_atlas")

    assert default.is_verified
    assert not atlas.is_verified
    assert atlas.rules_of("language") == default.rules_of("language")
    assert [rule.name for rule in atlas.rules_of("race_ethnicity")] == [
        "completeness",
        "census_categories_off",
        "census_categories_off_when_incomplete",
    ]
    assert atlas.measure_fields == default.measure_fields


def test_every_key_of_a_rule_is_explained_at_the_head_of_the_file() -> None:
    head = THRESHOLDS_FILE.read_text(encoding="utf-8").split("[profiles.default]")[0]

    unexplained = [key for key in Rule.model_fields if key not in ("field", "name") and key not in head]

    assert not unexplained
