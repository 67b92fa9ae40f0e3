from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from casemate.core.errors import ErasedSubject, LineageError, ShapeMismatch, UnknownName
from casemate.lineage import Lineage, Model
from lineages import RAW, run, same, version

PEOPLE = pl.Series("id", ["anna", "bert", "carl", "anna", None])
SMALL = replace(RAW, rows=5)
PUBLIC = version("crm.public", columns=("age",), rows=5)


def test_a_person_is_found_wherever_they_are(lineage: Lineage) -> None:
    lineage.record(run([], [SMALL]), subjects={"crm.people": PEOPLE})
    lineage.record(run([SMALL], [PUBLIC], same("age")), subjects={"crm.public": PEOPLE.alias("")})
    lineage.record(run([], [version("other", rows=1)]), subjects={"other": pl.Series(["zoe"])})
    model = lineage.record_model(Model("credit", "m" * 64), [PUBLIC], actor="anna")
    lineage.consume("shop", lineage.deploy("prod", model, actor="ops"), actor="ops")
    found = lineage.whereabouts("anna")
    assert [thing.name for thing in found.versions] == ["crm.people", "crm.public"]
    assert [thing.name for thing in (*found.models, *found.deployments, *found.consumers)] == ["credit", "prod", "shop"]
    assert lineage.whereabouts("nobody").versions == ()
    index = lineage.subjects.indexes()[0]
    assert (index.column, index.rows, index.bits) == ("id", 5, 64)
    assert lineage.subjects.rows(index, "anna").tolist() == [0, 3]
    assert lineage.verify().entries == 6


def test_indexes_may_be_made_later_and_anew(local: Lineage) -> None:
    local.record(run([], [SMALL]))
    number = local.find("crm.people")[0].number
    assert not local.whereabouts("anna").versions
    local.index(number, PEOPLE, actor="me", bits=128)
    assert len(local.whereabouts("anna").versions) == 1
    local.index(number, pl.Series("id", ["x"] * 5), actor="me")
    assert not local.whereabouts("anna").versions
    with pytest.raises(UnknownName):
        local.index(999, PEOPLE, actor="me")


def test_ids_never_lie_about_in_the_open(local: Lineage) -> None:
    long = pl.Series("id", [f"somebody-{i}" for i in range(5)])
    local.record(run([], [SMALL]), subjects={"crm.people": long})
    assert local.store.path
    for path in local.store.path.parent.rglob("*"):
        assert path.is_dir() or b"somebody" not in path.read_bytes()


def test_what_was_named_must_fit(local: Lineage) -> None:
    with pytest.raises(ShapeMismatch, match="5 rows, but 2"):
        local.record(run([], [SMALL]), subjects={"crm.people": pl.Series(["a", "b"])})
    with pytest.raises(UnknownName, match="Did you mean 'crm.people'"):
        local.record(run([], [SMALL]), subjects={"crm.peopel": PEOPLE})
    assert local.head.entry == 0


def test_whoever_was_erased_does_not_come_back(local: Lineage) -> None:
    local.subjects.tombstones.add("anna")
    for bits in (64, 128):
        with pytest.raises(ErasedSubject, match="2 rows of crm.people") as caught:
            local.subjects.refuse_erased(local.subjects.tokens(PEOPLE, bits), "crm.people")  # type: ignore[arg-type]
        assert "rows 0, 3" in str(caught.value.where)
    with pytest.raises(ErasedSubject):
        local.record(run([], [SMALL]), subjects={"crm.people": PEOPLE})
    assert local.head.entry == 0
    local.record(run([], [SMALL]), subjects={"crm.people": PEOPLE.replace("anna", "annika")})
    local.subjects.tombstones.add("anna")
    local.subjects.tombstones.add("bert")
    assert len(local.subjects.tombstones) == 2


def test_a_lost_list_of_the_erased_is_no_clean_slate(local: Lineage) -> None:
    local.record(run([], [SMALL]))
    with local.appending() as batch:
        batch.put("erasure", "r", 0, 0)
        batch.close("erasure", "2026", "me")
    with pytest.raises(LineageError, match="list of their tokens is gone"):
        local.record(run([], [SMALL]), subjects={"crm.people": PEOPLE})


def test_files_that_nobody_needs_are_swept_away(local: Lineage) -> None:
    local.record(run([], [SMALL]), subjects={"crm.people": PEOPLE})
    local.record(run([], [SMALL]), subjects={"crm.people": PEOPLE})
    folder: Path = local.subjects.folder
    assert len(list(folder.iterdir())) == 2
    local.subjects.sweep()
    assert [path.name for path in folder.iterdir()] == [local.subjects.indexes()[0].file]
    assert len(local.whereabouts("anna").versions) == 1


def test_a_damaged_index_is_told(local: Lineage) -> None:
    local.record(run([], [SMALL]), subjects={"crm.people": PEOPLE})
    path = local.subjects.folder / local.subjects.indexes()[0].file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(LineageError):
        local.subjects.read(local.subjects.indexes()[0])
    path.unlink()
    with pytest.raises(LineageError, match="cannot be used"):
        local.whereabouts("anna")
