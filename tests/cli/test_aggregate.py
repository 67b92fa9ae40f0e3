import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.lineage import Lineage

POLICY = """
dataset = "town.people"
subject-key = "person"
[columns.person]
role = "identifier"
drop = true
[columns.sex]
role = "quasi-identifier"
[columns.income]
role = "sensitive"
[purposes.public]
columns = ["sex", "income"]
[purposes.public.dp]
epsilon = 1.0
per = "year"
[purposes.open.dp]
epsilon = 1.0
delta = 1e-6
[purposes.house]
min-group = 20
"""


@pytest.fixture
def town(here: Path) -> Path:
    rng = np.random.default_rng(0)
    sex = ["f"] * 120 + ["m"] * 100 + ["x"] * 3
    pl.DataFrame({"person": range(223), "sex": sex, "income": rng.uniform(0, 100, 223)}).write_csv(here / "people.csv")
    (here / "privacy.toml").write_text(POLICY)
    return here


def test_answers_with_noise_pays_first_and_traces(run, town: Path):
    words = ["--ask", "count", "--ask", "mean:income:0:100", "--by", "sex", "--values", "sex=f,m", "--epsilon", "0.5"]
    code, _, err = run("aggregate", "people.csv", "--purpose", "public", *words, "--output", "told.csv")
    assert code == 0, err
    told = pl.read_csv(town / "told.csv")
    assert told["sex"].to_list() == ["f", "m"]
    assert told.columns == ["sex", "count", "mean of income"]
    assert "spent epsilon 0.5; 0.5 of epsilon are left" in err
    entry = json.loads((town / ".casemate" / "town.people.ledger").read_text())
    assert entry["question"] == "count, mean:income:0:100 by sex"
    with Lineage.open(town / ".casemate" / "lineage.db") as lineage:
        assert lineage.verify().entries > 0


def test_refuses_when_the_budget_is_spent_and_writes_nothing(run, town: Path):
    words = ["aggregate", "people.csv", "--purpose", "public", "--ask", "count", "--epsilon", "0.6"]
    assert run(*words)[0] == 0
    code, out, err = run(*words, "--output", "told.csv")
    assert code == 2
    assert out == ""
    assert "does not hold epsilon 0.6" in err
    assert "next year" in err
    assert not (town / "told.csv").exists()


def test_a_mistake_costs_nothing(run, town: Path):
    for words, message in (
        (["--ask", "sum:sex:0:1"], "needs numbers"),
        (["--ask", "count", "--by", "sex"], "needs a delta above 0"),
        (["--ask", "count", "--by", "person"], "identifies people"),
        (["--ask", "count", "--by", "sexx"], "Did you mean 'sex'"),
        (["--ask", "coutn"], "Did you mean 'count'"),
        (["--ask", "count", "--epsilon", "-1"], "is no epsilon"),
        (["--ask", "count", "--by", "sex", "--values", "sex"], "is not COLUMN=A,B"),
    ):
        code, out, err = run("aggregate", "people.csv", "--purpose", "public", *words)
        assert (code, out) == (2, "")
        assert message in err
    assert not (town / ".casemate" / "town.people.ledger").exists()


def test_groups_found_in_the_data_hide_the_small_one(run, town: Path):
    code, out, err = run(
        "aggregate", "people.csv", "--purpose", "open", "--ask", "count", "--by", "sex", "--epsilon", "0.9"
    )
    assert code == 0, err
    assert [line.split(",")[0] for line in out.splitlines()] == ["sex", "f", "m"]
    assert "and delta 1e-07" in err


def test_within_the_house_figures_are_exact_and_small_groups_left_out(run, town: Path):
    code, out, err = run("aggregate", "people.csv", "--purpose", "house", "--ask", "count", "--by", "sex")
    assert code == 0, err
    assert out == "sex,count\nf,120\n"  # x is too small, and m would give it away
    assert "2 groups left out" in err


def test_unknown_purposes_and_drifted_tables_are_told(run, town: Path):
    assert "Did you mean 'public'" in run("aggregate", "people.csv", "--purpose", "publik", "--ask", "count")[2]
    pl.read_csv(town / "people.csv").with_columns(extra=1).write_csv(town / "people.csv")
    code, _, err = run("aggregate", "people.csv", "--purpose", "public", "--ask", "count")
    assert code == 2
    assert "extra" in err


def test_an_erasure_says_what_becomes_of_figures(run, town: Path):
    assert run("lineage", "add", "dataset", "town.people", "--file", "people.csv")[0] == 0
    assert run("lineage", "index", "town.people", "--column", "person")[0] == 0
    words = ["aggregate", "people.csv", "--ask", "count", "--by", "sex", "--quiet"]
    assert run(*words, "--purpose", "public", "--values", "sex=f,m", "--epsilon", "0.5", "--output", "told.csv")[0] == 0
    assert run(*words, "--purpose", "house", "--output", "inside.csv")[0] == 0
    code, out, _ = run("lineage", "erase", "199", "--dry-run")
    assert code == 0
    assert "not checked" not in out
    rows = [line.split("\t") for line in out.splitlines()]
    assert [(row[0].partition("@")[0], row[1]) for row in rows] == [
        ("town.people", "rewrite"),
        ("town.people/public", "aggregate"),
        ("town.people/house", "aggregate"),
    ]
    assert "protected by epsilon=0.5" in rows[1][4]
    before = (town / "told.csv").read_bytes()
    code, out, err = run("lineage", "erase", "199", "--reason", "request 17", "--yes", "--receipt", "r.json")
    assert code == 0, err
    assert "an aggregate: town.people/house@" in err
    assert "20 people or more in each figure, the person among them" in err
    assert "town.people/public" not in err
    assert (town / "told.csv").read_bytes() == before
    assert run("lineage", "verify-receipt", "r.json")[0] == 0
