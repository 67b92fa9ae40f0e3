import os
from pathlib import Path

import pytest

from casemate.cli import stored as shelf
from casemate.core.errors import AssessmentUnreadable, CasemateError
from cli.made import assessment

MADE = assessment({"evasion.pgd": {"full": 1, "bare": 1}}, name="shelved")


def test_what_is_kept_is_found_by_folder_system_file_and_its_own_name(here: Path) -> None:
    file = shelf.keep(MADE, here / "casemate.toml")
    assert file == here / ".casemate" / "assessment.json"
    for given in (None, here, here / "casemate.toml", file):
        assert shelf.load(given).system.name == "shelved"


def test_each_system_file_of_a_folder_has_an_assessment_of_its_own(here: Path) -> None:
    other = assessment({"evasion.pgd": {"full": 1, "bare": 1}}, name="other")
    shelf.keep(MADE, here / "casemate.toml")
    file = shelf.keep(other, here / "other.toml")
    os.utime(file, ns=(2**62, 2**62))
    assert shelf.load(here / "casemate.toml").system.name == "shelved"
    assert shelf.load(here / "other.toml").system.name == "other"
    assert shelf.load(None).system.name == shelf.load(here).system.name == "other", "the last one here"
    with pytest.raises(AssessmentUnreadable, match="no stored assessment"):
        shelf.load(here / "third.toml")


def test_nothing_stored_says_what_to_run(here: Path) -> None:
    with pytest.raises(AssessmentUnreadable, match="no stored assessment") as error:
        shelf.load(None)
    assert "casemate assess" in str(error.value)


def test_a_damaged_file_is_refused(here: Path) -> None:
    (here / "a.json").write_text("{")
    with pytest.raises(AssessmentUnreadable):
        shelf.load(here / "a.json")


def test_a_place_that_cannot_be_written_to_is_told(here: Path) -> None:
    (here / ".casemate").write_text("a file where the folder should be")
    with pytest.raises(CasemateError, match="cannot be stored") as error:
        shelf.keep(MADE, here / "casemate.toml")
    assert error.value.where == str(here / ".casemate" / "assessment.json")


def test_home_is_beside_the_system_file(here: Path) -> None:
    assert shelf.home(here) == here / ".casemate"
    assert shelf.home(here / "casemate.toml") == here / ".casemate"
    assert shelf.home(Path("casemate.toml")) == Path(".casemate")
