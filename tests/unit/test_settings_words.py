"""What a wrong `equity.toml` is told: the setting, what it must be, what stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.settings import load_settings

SOURCE = '[[sources]]\ntype = "registry_files"\npath = "registry"\n'
AREA = '[[sources]]\ntype = "area_files"\nname = "t"\npath = "t.csv"\ntract_column = "g"\ndata_year = 2023\n'


@pytest.mark.parametrize(
    ("text", "rule", "found"),
    [
        ('colour = "red"', "`colour` is not a setting", "'red'"),
        ("[window]\nmonths = 0", "`window.months` is 1 or more", "0"),
        ('[window]\nmonths = "three"', "`window.months` is a whole number", "'three'"),
        ("[statistics]\nconfidence = 1.5", "`statistics.confidence` is below 1.0", "1.5"),
        ('as_of = "soon"', "`as_of` is a date", "'soon'"),
        ("title = 7", "`title` is text in quotes", "7"),
        ("catchment_counties = [39061]", "`catchment_counties.1` is text in quotes", "39061"),
        ('catchment_counties = ["3961"]', "five-digit county code", "3961"),
        ('[[sources]]\ntype = "fax"\n', "`sources.1` (fax) has a `type` that is one of", "'fax'"),
        ('[[sources]]\nname = "x"\n', "`sources.1` (x) has a `type`", "nothing"),
        ('[[sources]]\ntype = "registry_files"\n', "`sources.1.path` (registry_files) is needed", "nothing"),
        (
            SOURCE + 'mode = "sometimes"',
            "`sources.1.mode` (registry_files) is one of 'snapshot' or 'append'",
            "'sometimes'",
        ),
        (AREA + "measures = []", "`sources.1.tract_vintage` (t) is needed", "nothing"),
        (
            AREA + 'tract_vintage = "2020"\nmeasures = []',
            "`sources.1.tract_vintage` (t) is one of 2010 or 2020",
            "'2020'",
        ),
        ("[window]\nmonths = 0\n[disclosure]\nmin_cell = 1", "`window.months`", "also wrong: `disclosure.min_cell`"),
    ],
)
def test_the_error_says_setting_rule_and_what_was_found(text: str, rule: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "equity.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert caught.value.where == str(path)
    assert rule in caught.value.rule
    assert found in caught.value.found
    assert "Input should" not in str(caught.value)


def index(name: str, more: str = "") -> str:
    kind = 'type = "dep_index_files"\ntract_vintage = 2020\ndata_year = 2023\n'
    return f'[[sources]]\nname = "{name}"\npath = "{name}.csv"\n{kind}{more}'


def test_settings_that_contradict_each_other_are_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "equity.toml"
    path.write_text('title = "x"\n' + index("one") + index("two"), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert caught.value.rule.startswith("one index, release and year says what deprivation is; one and two all do")
    assert caught.value.found == "settings that do not go together"


def test_one_source_of_many_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "equity.toml"
    path.write_text(index("one") + index("two", 'deprivation = "poverty"\n'), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"`sources\.2\.deprivation` \(two\) is one of"):
        load_settings(path)
