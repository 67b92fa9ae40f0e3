"""Preflight: does the recipe give the same model twice, and is that model the one that is shipped?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.assess.cell import failure_of
from casemate.assess.threads import single_threaded
from casemate.core.errors import CasemateError, RecipeCrashed, RecipeTimedOut
from casemate.core.finding import Failure
from casemate.core.model import Model, Recipe
from casemate.core.seeds import derive
from casemate.core.system import System

CHECKED_ROWS = 1000
SAME_ANSWERS = 0.9


@dataclass(frozen=True)
class Preflight:
    """What a reader of the assessment must know of its recipe.

    Args:
        warnings: one sentence each.
        failure: why the recipe could not be tried; None where it was.
    """

    warnings: tuple[str, ...] = ()
    failure: Failure | None = None

    @property
    def hopeless(self) -> bool:
        """Whether the recipe hung or died on the owner's own rows: trying it again costs as much and gives no more."""
        return self.failure is not None and self.failure.type in (RecipeTimedOut.__name__, RecipeCrashed.__name__)


def look(system: System, seed: int) -> Preflight:
    """Train twice with one seed, and compare the answers with each other and with the artefact's.

    A failing recipe is reported here, and by every cell that needs it.
    """
    recipe = system.recipe
    if recipe is None:
        return Preflight()
    try:
        with single_threaded():
            return Preflight(tuple(_compare(system, recipe, derive(seed, "train"))))
    except CasemateError as error:
        return Preflight((f"the recipe could not be tried: {error.what}",), failure_of(error))


def _compare(system: System, recipe: Recipe, seed: int) -> list[str]:
    rows = system.test.X[:CHECKED_ROWS]
    first, second = (recipe.train(system.train, seed).scores(rows) for _ in range(2))
    warnings = []
    if not np.array_equal(first, second):
        differ = float((first.argmax(axis=1) != second.argmax(axis=1)).mean())
        warnings.append(
            f"the recipe is not deterministic: trained twice with one seed it answers {differ:.1%} of the test rows "
            f"differently (scores differ by up to {np.abs(first - second).max():.2g}). Evidence that retrains cannot "
            "be reproduced bit for bit, and small deltas between arms may be noise. Seed every generator in the recipe."
        )
    if system.model is not None:
        warnings += _fidelity(system.model, first, rows)
    return warnings


def _fidelity(model: Model, trained: np.ndarray, rows: np.ndarray) -> list[str]:
    same = float((model.scores(rows).argmax(axis=1) == trained.argmax(axis=1)).mean())
    if same >= SAME_ANSWERS:
        return []
    warning = (
        f"the recipe does not make the shipped model: they agree on {same:.1%} of the test rows. Attacks that retrain "
        "speak of the recipe's model, not of the artefact. Check [model] recipe and artefact."
    )
    return [warning]
