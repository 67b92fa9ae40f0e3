"""The user's training recipe: a function of theirs, run in a process of its own."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.errors import CasemateError, ModelUnsupported, RecipeMissing, RecipeWrongReturn
from casemate.core.model import Model
from casemate.systems.references import Reference
from casemate.systems.workers import lent

EXPECTED = "a fitted scikit-learn, XGBoost or LightGBM classifier, or a torch.nn.Module that gives logits"


@dataclass(frozen=True)
class RecipeRef:
    """A recipe in the user's code: ``train(data: Dataset, seed: int)`` returns a trained model object.

    The function runs in a worker process that is kept between trainings, with one thread per library and all common
    random generators seeded. A crash, a hang or a stray ``exit`` ends the worker, never the assessment.

    Args:
        reference: ``module:function``.
        root: the folder whose modules may be imported.
        timeout: seconds that one training may take, its imports included; above 0.
        frame: the model takes frames; see `models.adapt`.

    Raises:
        RecipeMissing: ``reference`` has another form.
    """

    reference: str
    root: Path
    timeout: float = 600.0
    frame: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).resolve())
        Reference.parse(self.reference, self.root, RecipeMissing)

    @property
    def name(self) -> str:
        """The reference."""
        return self.reference

    @property
    def digest(self) -> str:
        """Digest of the reference and of the sources below ``root`` that it reaches by its imports."""
        return self._parsed.digest

    def train(self, data: Dataset, seed: int) -> Model:
        """Train in the worker process and adapt what comes back.

        Raises:
            RecipeMissing: no such module or function.
            RecipeRaised: it raised; the traceback is in ``details``.
            RecipeTimedOut: it took longer than ``timeout``.
            RecipeCrashed: it ended its process.
            RecipeWrongReturn: what it returned is no model, or cannot be pickled.
            ShapeMismatch: the model's inputs or classes disagree with the data's.
        """
        from casemate.systems.models.rooted import RootedModel

        question = pickle.dumps((data, seed), protocol=5)
        with lent(self._parsed) as worker:
            what, content = worker.ask(question, self.timeout)
        if what == "error":
            raise content
        blob, made = content
        model = RootedModel(self.root, blob, data.schema, self.frame)
        try:
            _ = model.inner
        except ModelUnsupported as error:
            self._refuse(made, str(error.what), error)
        except CasemateError:
            raise
        except Exception as error:
            self._refuse(made, f"it cannot be unpickled here: {type(error).__name__}: {error}", error)
        return model

    @property
    def _parsed(self) -> Reference:
        return Reference.parse(self.reference, self.root, RecipeMissing)

    def _refuse(self, made: str, why: str, cause: Exception) -> NoReturn:
        raise RecipeWrongReturn(
            f"the recipe {self.reference} returned an object of type {made.removeprefix('builtins.')}",
            where=self.reference,
            why=why,
            fix=f"return {EXPECTED}",
        ) from cause


@dataclass(frozen=True)
class Repeat:
    """How far two trainings with one seed agree.

    Args:
        labels_changed: share of rows that the two models label differently, in [0, 1].
        largest_difference: largest difference between two scores, in [0, 1].
    """

    labels_changed: float
    largest_difference: float

    @property
    def exact(self) -> bool:
        """Whether the two models answered alike in every score."""
        return self.largest_difference == 0.0


def check_deterministic(recipe: RecipeRef, data: Dataset, seed: int, X: np.ndarray | None = None) -> Repeat:
    """Train twice on the same rows with the same seed and compare answers.

    Args:
        X: rows (n, d) to ask both models about; the training rows where None.

    Raises:
        RecipeError: see `RecipeRef.train`.
    """
    rows = data.X if X is None else X
    first, second = (recipe.train(data, seed).scores(rows) for _ in range(2))
    changed = first.argmax(axis=1) != second.argmax(axis=1)
    if not len(rows):
        return Repeat(0.0, 0.0)
    return Repeat(float(changed.mean()), float(np.abs(first - second).max()))
