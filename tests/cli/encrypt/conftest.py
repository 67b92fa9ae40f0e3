"""A folder with a table, a system file and its recipe, the model in a file, and what was made of it once."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from skops import io

from casemate.cli import main
from casemate.controls.encryption import passphrase

WORDS = "correct horse battery"
SYSTEM = """
[system]
name = "people"

[data]
train = "people.csv"
test = "others.csv"
target = "churns"

[model]
recipe = "recipe:train"
"""
RECIPE = """
from sklearn.linear_model import LogisticRegression


def train(data, seed):
    return LogisticRegression(max_iter=2000).fit(data.X, data.y)
"""


def table(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    age, income = rng.integers(18, 80, rows), rng.normal(40, 8, rows).clip(10, 80).round(1)
    city = rng.choice(["Bonn", "Ulm"], rows)
    churns = np.where(0.05 * (age - 45) + 0.1 * (income - 40) + (city == "Ulm") > 0.5, "yes", "no")
    return pl.DataFrame({"age": age, "income": income, "city": city, "churns": churns})


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, made once; tests work on copies."""
    folder = tmp_path_factory.mktemp("encrypt")
    table(300, 0).write_csv(folder / "people.csv")
    table(80, 1).write_csv(folder / "others.csv")
    table(5, 2).drop("churns").write_csv(folder / "rows.csv")
    (folder / "casemate.toml").write_text(SYSTEM)
    (folder / "recipe.py").write_text(RECIPE)
    people = table(300, 0)
    X = np.column_stack([people["age"], people["income"], people["city"] == "Ulm"]).astype(float)
    io.dump(LogisticRegression(max_iter=2000).fit(X, people["churns"] == "yes"), folder / "model.skops")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _prepare(patch)
        for words in (
            ["compile", "casemate.toml", "--quiet"],
            ["identity", "create", "--quiet"],
            ["tenants", "add", "clinic", "--quiet"],
            ["keys", "create", "--program", "people.public.json", "--quiet"],
        ):
            assert main(["encrypt", *words]) == 0
    return folder


@pytest.fixture
def folder(made: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder to work in."""
    shutil.copytree(made, here, dirs_exist_ok=True)
    _prepare(monkeypatch)
    return here


def _prepare(patch: pytest.MonkeyPatch) -> None:
    """A passphrase that is quick to hash."""
    patch.setattr(passphrase, "COST", 16)
    patch.setattr(passphrase, "COSTS", (2, 1 << 21))
    patch.setenv("CASEMATE_KEYS_PASSPHRASE", WORDS)
