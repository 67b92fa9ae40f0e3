"""casemate assess on a table that is given away, with no model beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from casemate.core import record
from cli.conftest import Run
from releases import grouped, people

FILE = """
[system]
name = "people"
[release]
table = "people.csv"
{published}
[release.columns]
name = "identifier"
age = "quasi-identifier"
town = "quasi-identifier"
illness = "sensitive"
[assess]
samples = 60
jobs = 1
[policy.costs]
suppressed-rows = 0.1
"""


@pytest.fixture
def folder(here: Path) -> Path:
    people(400).table.write_csv(here / "people.csv")
    (here / "casemate.toml").write_text(FILE.format(published=""))
    return here


def test_a_raw_table_falls_and_only_attacks_on_tables_run(run: Run, folder: Path) -> None:
    code, out, err = run("assess", "--no-cache")
    assert (code, err) == (1, "")
    assert "broke people" in out
    done = record.load(folder / ".casemate" / "assessment.json")
    assert {finding.attack.partition(".")[0] for finding in done.findings} == {"reidentification"}
    assert done.system.data[0].source == "people.csv"
    assert f"casemate lineage downstream {done.system.data[0].digest}" in out


def test_a_table_that_another_program_published_is_set_against_the_raw_one(run: Run, folder: Path) -> None:
    made = grouped(people(400))
    order = made.rows.argsort()
    made.table[order][:300].write_csv(folder / "out.csv")
    (folder / "casemate.toml").write_text(FILE.format(published='published = "out.csv"'))
    code, out, _ = run("assess", "--no-cache")
    assert code == 1
    assert "suppressed-rows is at least 0.25, and 0.1 is accepted" in out
    done = record.load(folder / ".casemate" / "assessment.json")
    assert [arm.controls for arm in done.arms] == [("release.as-published",), ()]


def test_an_attack_on_a_model_that_is_asked_for_says_why_it_does_not_apply(run: Run, folder: Path) -> None:
    code, out, _ = run("assess", "--no-cache", "--attack", "poisoning.label-flip")
    assert code == 3
    assert "the system has no model" in " ".join(out.split())
