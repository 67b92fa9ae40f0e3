"""Reports on a table that is given away, without a model: what it lost, whose rows, and where the data went."""

from __future__ import annotations

from functools import cache

import pytest

from casemate.assess.release import Gate, attack_release
from casemate.core.assessment import Assessment
from casemate.core.evidence import Example
from casemate.core.system import DataVersion
from casemate.report import render
from casemate.report.facts import facts, has_model, has_release
from casemate.report.samples import sample
from releases import grouped, people
from report.specimen import specimen

DIGEST = "ab" * 32


@cache
def released() -> Assessment:
    raw = people(300)
    version = DataVersion("release", "people.csv", DIGEST)
    return attack_release(grouped(raw), raw, Gate(samples=40), name="people", versions=(version,))


def shown(format: str, assessment: Assessment) -> str:
    made = render(format, assessment)
    return made if isinstance(made, str) else made.decode()


@pytest.mark.parametrize("format", ["terminal", "markdown", "html"])
def test_every_report_says_what_was_lost_and_where_the_data_went(format: str) -> None:
    page = shown(format, released())
    assert "eidentification.linkage" in page.replace("\\", "").replace("\n  ", "")
    assert f"casemate lineage downstream {DIGEST}" in page
    assert "left out" in page.lower()
    assert "Accuracy" not in page
    assert "test row" not in page


def test_a_page_shows_what_was_known_and_what_was_found() -> None:
    page = shown("html", released())
    assert "this row is theirs" in page or "This row is theirs" in page
    assert '<th scope="col">Known</th>' in page
    assert "Re-identification" in page


def test_a_model_without_a_table_reads_as_before() -> None:
    for format in ("terminal", "markdown", "html"):
        page = shown(format, specimen())
        assert "Accuracy" in page
        assert "released table lost" not in page
    assert has_model(specimen()) and not has_release(specimen())
    assert has_release(released()) and not has_model(released())


def test_facts_name_the_table_and_its_version() -> None:
    told = dict(facts(released()))
    assert told["Released table"] == "300 rows, 4 columns: name, age, town, illness"
    assert told["Data: release"] == f"people.csv, {DIGEST}"
    assert "Inputs" not in told and "Rows" not in told and "Model" not in told


def test_an_example_in_words_shows_what_says_something() -> None:
    made = Example(
        (), (), (), ("age", "town", "illness"), "known", "published", "theirs", ("30", "", "a"), ("30..39", "")
    )
    found = sample(made)
    assert found.told
    assert [(change.name, change.before, change.after) for change in found.changes] == [("age", "30", "30..39")]
