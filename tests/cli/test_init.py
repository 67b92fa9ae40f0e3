from pathlib import Path

import pytest

from casemate.controls import find
from casemate.systems.file import load
from cli.conftest import Run

ROWS = "age,income,label\n" + "\n".join(f"{20 + n % 40},{1000 + 13 * n},{'yes' if n % 3 else 'no'}" for n in range(60))
RECIPE = """
from sklearn.tree import DecisionTreeClassifier

def train(data, seed):
    return DecisionTreeClassifier(random_state=seed).fit(data.X, data.y)
"""


@pytest.fixture
def data(here: Path) -> Path:
    (here / "rows.csv").write_text(ROWS)
    (here / "recipe.py").write_text(RECIPE)
    return here


def test_what_it_writes_loads(run: Run, data: Path) -> None:
    code, out, err = run("init", "rows.csv", "--target", "label", "--recipe", "recipe:train")
    assert (code, out) == (0, "")
    assert err.splitlines() == ["wrote casemate.toml", "then: casemate assess casemate.toml"]
    system = load(data / "casemate.toml", find_control=find).system
    assert system.train.schema.names == ("age", "income")
    assert len(system.train) + len(system.test) == 60


def test_paths_are_said_from_the_folder_of_the_file(run: Run, data: Path) -> None:
    (data / "deep" / "er").mkdir(parents=True)
    (data / "deep" / "er" / "recipe.py").write_text(RECIPE)
    code, _, _ = run("init", "rows.csv", "--recipe", "recipe:train", "--output", "deep/er/loans.toml")
    assert code == 0
    text = (data / "deep/er/loans.toml").read_text()
    assert 'train = "../../rows.csv"' in text
    assert len(load(data / "deep/er/loans.toml", find_control=find).system.train) == 45


def test_public_data_sets_keep_their_names(run: Run, here: Path) -> None:
    assert run("init", "sklearn:iris")[0] == 0
    assert 'train = "sklearn:iris"' in (here / "casemate.toml").read_text()


def test_without_a_model_it_says_what_is_missing(run: Run, data: Path) -> None:
    assert "[model]" in run("init", "rows.csv")[2]


def test_it_never_overwrites_unless_told_to(run: Run, data: Path) -> None:
    (data / "casemate.toml").write_text("mine")
    code, _, err = run("init", "rows.csv")
    assert code == 2
    assert "--force" in err
    assert (data / "casemate.toml").read_text() == "mine"
    assert run("init", "rows.csv", "--force")[0] == 0
    assert "[data]" in (data / "casemate.toml").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.csv"], "none.csv"),
        (["rows.csv", "--output", "no/such/folder.toml"], "does not exist"),
        (["rows.csv", "--output", "."], "is a folder"),
        (["rows.csv", "--target", "lable"], "Did you mean 'label'"),
    ],
)
def test_mistakes_are_two_and_write_nothing(run: Run, data: Path, words: list[str], told: str) -> None:
    before = sorted(data.rglob("*"))
    code, _, err = run("init", *words)
    assert code == 2
    assert told in err
    assert sorted(data.rglob("*")) == before
