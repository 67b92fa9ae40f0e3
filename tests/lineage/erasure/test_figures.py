from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from casemate.core.digests import file_digest
from casemate.core.provenance import DatasetVersion
from casemate.lineage import Lineage
from casemate.lineage.erasure.erase import erase
from casemate.lineage.erasure.figures import JOB, Made, figures
from casemate.lineage.erasure.plan import plan
from casemate.lineage.erasure.receipt import check, read
from casemate.lineage.names import Thing
from lineages import run

PRIVATE = {"epsilon": "0.2", "delta": "0", "hides": "person"}
PLAIN = {"min-group": "20"}
TOLD = DatasetVersion("town/report", "f" * 64, "told.csv", 2, ("sex", "count"))


@pytest.fixture
def filled(lineage: Lineage, tmp_path: Path) -> Lineage:
    """A table of two people, one of them to be erased."""
    people = pl.DataFrame({"who": ["anna-0001", "ben-0002"], "sex": ["f", "m"]})
    people.write_csv(tmp_path / "people.csv")
    version = _people(tmp_path)
    lineage.record(run([], [version]), subjects={"people": people["who"]})
    return lineage


def _people(folder: Path) -> DatasetVersion:
    return DatasetVersion("people", file_digest(folder / "people.csv"), str(folder / "people.csv"), 2, ("who", "sex"))


def aggregated(lineage: Lineage, source: DatasetVersion, made: DatasetVersion, facts: dict[str, str]) -> None:
    lineage.record(replace(run([source], [made], facts=facts), job=JOB))


def test_a_private_aggregate_is_no_gap_and_an_exact_one_says_that_the_person_was_counted(
    filled: Lineage, tmp_path: Path
) -> None:
    aggregated(filled, _people(tmp_path), TOLD, PRIVATE)
    aggregated(filled, _people(tmp_path), replace(TOLD, digest="e" * 64), PLAIN)
    made = plan(filled, "anna-0001")
    assert made.unchecked == ()
    assert [one.protected for one in made.figures] == [True, False]
    signed = erase(filled, made, "anna-0001", actor="dpo", reason="request 17")
    assert signed.receipt.complete
    assert signed.receipt.unchecked == ()
    assert [(one.name, one.protected, one.note) for one in signed.receipt.figures] == [
        (
            "town/report@" + "f" * 12,
            True,
            "protected by epsilon=0.2: its figures would be about as likely without any one person; not rewritten",
        ),
        (
            "town/report@" + "e" * 12,
            False,
            "exact, 20 people or more in each figure, the person among them; not rewritten",
        ),
    ]
    (kept,) = (filled.files / "receipts").iterdir()
    check(read(kept), filled.store)


def test_an_aggregate_of_data_without_the_person_is_not_told_of(filled: Lineage, tmp_path: Path) -> None:
    aggregated(filled, _people(tmp_path), TOLD, PLAIN)
    assert plan(filled, "carl-0003").figures == ()
    assert plan(filled, "carl-0003").unchecked == ()


def test_an_aggregate_of_data_that_nobody_can_look_into_may_count_the_person(filled: Lineage) -> None:
    aggregated(filled, DatasetVersion("elsewhere", "d" * 64, "s3://bucket/x"), TOLD, PLAIN)
    made = plan(filled, "anna-0001")
    assert [str(thing) for thing in made.unchecked] == ["elsewhere@" + "d" * 12]
    assert "perhaps the person among them" in made.figures[0].note


def test_what_another_job_wrote_or_tells_nothing_of_itself_stays_unchecked(filled: Lineage, tmp_path: Path) -> None:
    people = _people(tmp_path)
    filled.record(run([people], [replace(TOLD, name="a")], facts=PRIVATE))
    aggregated(filled, people, replace(TOLD, name="b"), {"questions": "count"})
    aggregated(filled, people, replace(TOLD, name="c"), {})
    aggregated(filled, people, replace(TOLD, name="d"), PRIVATE)
    filled.record(run([people], [replace(TOLD, name="d")]))
    made = plan(filled, "anna-0001")
    assert [thing.name for thing in made.unchecked] == ["a", "b", "c", "d"]
    assert made.figures == ()


def test_delta_and_rows_are_told() -> None:
    facts = {"epsilon": "1", "delta": "1e-07", "hides": "row"}
    found = figures(Thing(1, "dataset", "x"), Made(facts, frozenset()), counted=True)
    assert found is not None
    assert "epsilon=1, delta=1e-07" in found.note
    assert "without any one row" in found.note
