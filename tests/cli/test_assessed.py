from pathlib import Path

import pytest
from sqlalchemy import select

from casemate.core.digests import file_digest
from casemate.lineage import Lineage
from casemate.lineage.names import every
from casemate.store import tables
from cli.conftest import Run
from e2e import tiny


@pytest.fixture
def system(here: Path) -> Path:
    tiny.write(here / "system", limit=0.0)
    return here / "system"


def test_findings_are_tied_to_the_data_versions_that_they_concern(run: Run, system: Path) -> None:
    assert run("assess", system)[0] == 1
    with Lineage.open(system / ".casemate" / "lineage.db", create=False) as lineage:
        train, test = lineage.find("train")[0], lineage.find("test")[0]
        assert train.digest == file_digest(system / "train.csv")
        with lineage.store.reading() as connection:
            found = connection.execute(select(tables.finding.c.attack, tables.finding.c.verdict, tables.finding.c.node))
            assert set(found) == {("poisoning.label-flip", "broken", node.number) for node in (train, test)}
            made = connection.execute(select(tables.assessment)).one()
        assert (made.system, made.verdict) == ("tiny", "broken")
        assert made.digest == file_digest(system / ".casemate" / "assessment.json")
        assert lineage.verify().entries == 2
    code, out, _ = run("lineage", "list", "--store", system / ".casemate" / "lineage.db")
    assert code == 0
    assert "train" in out


def test_a_data_set_that_the_lineage_knows_keeps_its_name(run: Run, system: Path) -> None:
    store = system / ".casemate" / "lineage.db"
    store.parent.mkdir()
    assert run("lineage", "add", "dataset", "crm.people", "--file", system / "train.csv", "--store", store)[0] == 0
    assert run("assess", system)[0] == 1
    with Lineage.open(store) as lineage:
        assert {thing.name for thing in every(lineage.store, "dataset")} == {"crm.people", "test"}


def test_data_that_are_no_files_leave_no_trace(run: Run, here: Path) -> None:
    (here / "casemate.toml").write_text(
        '[system]\nname = "iris"\n[data]\ntrain = "sklearn:iris"\ntest-share = 0.5\n[model]\nrecipe = "r:train"\n'
        '[assess]\nattacks = ["poisoning.label-flip"]\nsamples = 20\njobs = 1\n'
    )
    (here / "r.py").write_text(
        "from sklearn.tree import DecisionTreeClassifier\n\n"
        "def train(data, seed):\n    return DecisionTreeClassifier(random_state=seed).fit(data.X, data.y)\n"
    )
    assert run("assess")[0] in (0, 1, 3)
    assert not (here / ".casemate" / "lineage.db").exists()


def test_an_assessment_whose_lineage_is_damaged_is_shown_all_the_same(run: Run, system: Path) -> None:
    store = system / ".casemate" / "lineage.db"
    store.parent.mkdir()
    store.write_bytes(b"no database at all, and long enough to be looked at" * 20)
    code, out, err = run("assess", system)
    assert code == 2
    assert "poisoning.label-flip" in out
    assert "lineage.db" in err
