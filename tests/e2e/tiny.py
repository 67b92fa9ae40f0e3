"""A tiny system in a folder: csv files, a recipe, a system file. Small enough to be assessed in a second or two."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RECIPE = """
import time
from pathlib import Path

from sklearn.tree import DecisionTreeClassifier


def train(data, seed):
    with Path(__file__).with_name("trainings.log").open("a") as log:
        log.write("trained\\n")
    time.sleep({delay})
    return DecisionTreeClassifier(random_state=seed).fit(data.X, data.y)
"""
SYSTEM = """
[system]
name = "tiny"

[data]
train = "train.csv"
test = "test.csv"
target = "label"
range = [-6, 6]

[model]
recipe = "recipe:train"

[[controls]]
use = "hardening.label-only"

[assess]
samples = {samples}
jobs = {jobs}
attacks = ["poisoning.label-flip"]

[policy.limits]
data-poisoning = {limit}
"""


def write(
    folder: Path, *, limit: float = 1.0, samples: int = 200, jobs: int = 1, delay: float = 0.0, recipe: str = RECIPE
) -> Path:
    """Write the system into a folder; return the system file.

    Args:
        limit: the accuracy that may be lost to label flips: 1 is held, 0.15 undecided, 0 broken.
        delay: seconds that every training takes on top.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name, n in (("train", 300), ("test", 200)):
        y = rng.integers(0, 2, n)
        X = np.clip(rng.normal(size=(n, 3)) + 1.2 * y[:, None], -6, 6)
        words = np.where(y, "yes", "no")
        rows = [",".join([*(f"{value:.4f}" for value in row), word]) for row, word in zip(X, words, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["a,b,c,label", *rows]) + "\n")
    (folder / "recipe.py").write_text(recipe.format(delay=delay) if recipe is RECIPE else recipe)
    path = folder / "casemate.toml"
    path.write_text(SYSTEM.format(limit=limit, samples=samples, jobs=jobs))
    return path


def trainings(folder: Path) -> int:
    """Return how many models the recipe has trained so far."""
    log = folder / "trainings.log"
    return len(log.read_text().splitlines()) if log.exists() else 0
