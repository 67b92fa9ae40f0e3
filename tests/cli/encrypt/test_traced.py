"""What the verbs of casemate encrypt read, asked and made is in the lineage."""

from __future__ import annotations

from pathlib import Path

import pytest

from casemate.controls.encrypted_service.program_files import read_program
from casemate.lineage import Lineage
from casemate.lineage.recorded import RecordedRun, runs
from cli.conftest import Run


def recorded(kept: Lineage, job: str) -> list[RecordedRun]:
    return [one for one in runs(kept.store) if one.job == job]


@pytest.fixture
def store(folder: Path) -> str:
    """A store that holds nothing yet."""
    return str(folder / "kept.db")


def test_a_program_came_from_its_systems_data_and_its_answers_from_it_and_the_rows(run: Run, store: str) -> None:
    assert run("encrypt", "compile", ".", "--output", "made.program", "--lineage", store, "--quiet")[0] == 0
    words = ("encrypt", "predict", "rows.csv", "--program", "made.program", "--output", "said.csv")
    code, _, err = run(*words, "--lineage", store, "--quiet")
    assert code == 0, err
    digest = read_program(Path("made.program")).public.digest
    with Lineage.open(store, create=False) as kept:
        (program,) = kept.find(digest)
        assert (program.kind, program.name) == ("model", "people")
        origins = kept.provenance(program.number)
        assert {thing.name for thing in kept.things(origins.of("dataset"), "dataset")} == {"people", "others"}
        (said,) = kept.find("said")
        origins = kept.provenance(said.number)
        assert {thing.name for thing in kept.things(origins.of("dataset"), "dataset")} >= {"people", "rows"}
        assert program.number in origins.of("model")
        assert len(recorded(kept, "casemate encrypt predict")) == 1
        kept.verify()


def test_a_program_of_a_model_file_came_from_its_calibration_rows(run: Run, store: str) -> None:
    words = ("encrypt", "compile", "model.skops", "--calibration", "people.csv", "--target", "churns")
    assert run(*words, "--lineage", store, "--quiet")[0] == 0
    with Lineage.open(store, create=False) as kept:
        (program,) = kept.find("model")
        origins = kept.provenance(program.number)
        assert [thing.name for thing in kept.things(origins.of("dataset"), "dataset")] == ["people"]


def test_whose_program_was_compiled_elsewhere_only_the_rows_are_known(run: Run, store: str) -> None:
    words = ("encrypt", "predict", "rows.csv", "--program", "people.program")
    assert run(*words, "--lineage", store, "--quiet")[0] == 0
    with Lineage.open(store, create=False) as kept:
        assert [thing.name for thing in kept.find("rows")] == ["rows"]
        assert len(recorded(kept, "casemate encrypt predict")) == 1


def test_rows_that_a_program_was_verified_on(run: Run, store: str) -> None:
    words = ("encrypt", "verify", "people.program", "--rows", "others.csv", "--samples", "60")
    assert run(*words, "--lineage", store, "--quiet")[0] == 0
    with Lineage.open(store, create=False) as kept:
        assert [thing.name for thing in kept.find("others")] == ["others"]
        assert len(recorded(kept, "casemate encrypt verify")) == 1
