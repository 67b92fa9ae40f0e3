import json
from pathlib import Path

import numpy as np
import pytest

SYSTEM = """
[system]
name = "town"
[data]
train = "town.csv"
test-share = 0.5
target = "label"
[data.columns."*"]
role = "quasi-identifier"
[data.columns.label]
role = "target"
[model]
recipe = "town:train"
"""
RECIPE = """
from sklearn.tree import DecisionTreeClassifier

def train(data, seed):
    return DecisionTreeClassifier(max_depth=4, random_state=seed).fit(data.X, data.y)
"""


@pytest.fixture
def town(here: Path) -> Path:
    rng = np.random.default_rng(0)
    age, size = rng.integers(0, 100, 800), rng.random(800)
    rows = [f"{a},{s:.4f},{'yes' if a > 40 else 'no'}" for a, s in zip(age, size, strict=True)]
    (here / "town.csv").write_text("age,size,label\n" + "\n".join(rows) + "\n")
    (here / "casemate.toml").write_text(SYSTEM)
    (here / "town.py").write_text(RECIPE)
    return here


def test_says_what_is_enough_and_writes_the_record(run, town: Path):
    code, out, err = run("minimise", "--max-loss", "0.02", "--output", "minimal.json")
    assert code == 0, err
    assert "1 of 2 columns are enough for town." in out
    assert "age\t2 bands\tup to 4" in out
    assert "size\tdropped" in out
    assert "Unique rows  100.0% before, 0.0% after" in out
    record = json.loads((town / "minimal.json").read_text())
    assert record["dropped"] == ["size"]
    assert record["held-out"] == 400


def test_quiet_says_nothing(run, town: Path):
    assert run("minimise", "--quiet") == (0, "", "")


def test_a_share_out_of_range_is_told(run, town: Path):
    code, _, err = run("minimise", "--max-loss", "1.5")
    assert code == 2
    assert "1.5 is no share of accuracy" in err


def test_what_was_read_is_traced(run, town: Path):
    from casemate.lineage import Lineage

    assert run("minimise", "--quiet")[0] == 0
    with Lineage.open(town / ".casemate" / "lineage.db", create=False) as lineage:
        assert lineage.find("town")[0].kind == "dataset"
