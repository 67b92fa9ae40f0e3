"""What XGBoost's and LightGBM's boosters share: kept as their own model files, scored on one thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from casemate.core.errors import ModelError, ModelUnsupported, ShapeMismatch
from casemate.core.schema import Schema
from casemate.systems.models.adapter import Adapter
from casemate.systems.models.answers import codes_of, probabilities, spread

if TYPE_CHECKING:
    from casemate.core.trees import TreeEnsemble


B = TypeVar("B", bound="BoosterModel")


@dataclass(frozen=True, eq=False)
class BoosterModel(Adapter):
    """A booster that is rebuilt from its bytes in every process.

    Args:
        saved: the booster in its library's own format, cut to the rounds that it predicts with.
        codes: the label code of each of its classes, in its own order.
        name: its class, for people.
        objective: what it was trained for, in its library's words.
        inputs: number of columns that it takes.
    """

    saved: bytes = field(repr=False)
    codes: np.ndarray
    name: str
    objective: str
    inputs: int

    @property
    def kind(self) -> str:
        """Library and class."""
        return self.name

    @property
    def features(self) -> int:
        """Number of columns that it takes."""
        return self.inputs

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes) for rows (n, d)."""
        if not len(X):  # the libraries warn or refuse
            return np.empty((0, self.classes))
        answer = self._answer(np.asarray(X, dtype=np.float64))
        return spread(probabilities(answer, len(X), len(self.codes), self.kind), self.codes, self.classes)

    def trees(self) -> TreeEnsemble | None:
        """The flat trees, or None where they cannot be told exactly (categorical splits, other objectives)."""
        return self._trees

    @cached_property
    def booster(self) -> Any:
        """The library's own object."""
        raise NotImplementedError

    @cached_property
    def _trees(self) -> TreeEnsemble | None:
        from casemate.systems.models.aligned import flat_trees

        return flat_trees(self.booster, self.codes, self.schema)

    def _answer(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def checked(model: B) -> B:
    """Return a model from a file whose trees were looked at before it is asked, for its library follows them blindly.

    Raises:
        ModelUnreadable: a node points out of its tree or at no column. Trees with categorical splits are not looked at.
    """
    model.trees()
    return model


def booster_of(model: Any, attribute: str, name: str) -> Any:
    """Return the Booster itself, or the one inside a fitted scikit-learn wrapper.

    Args:
        attribute: where the wrapper keeps it.
        name: the model's class, for people.

    Raises:
        ModelError: not fitted.
        ModelUnsupported: no classifier.
    """
    from sklearn.exceptions import NotFittedError

    if type(model).__name__ == "Booster":
        return model
    if not hasattr(type(model), "predict_proba"):
        raise ModelUnsupported(f"{name} is no classifier", fix="fit a classifier of that library, or give its Booster")
    try:
        found = getattr(model, attribute)
        return found() if callable(found) else found
    except (NotFittedError, AttributeError) as error:
        raise ModelError(f"{name} is not fitted", fix="call its fit method first") from error


def class_codes(model: Any, told: int, schema: Schema, name: str) -> np.ndarray:
    """Return the label code of each class of a model that tells ``told`` classes apart.

    Raises:
        ShapeMismatch: another number of classes than the schema has, or classes that it does not have.
    """
    found = getattr(model, "classes_", None)
    if found is None and told != len(schema.classes):
        raise ShapeMismatch(
            f"the model tells {told} classes apart, the data has {len(schema.classes)}",
            where=name,
            fix="train it on this data, or correct the classes in [data]",
        )
    return codes_of(range(told) if found is None else found, schema, name)


def unsupported(name: str, objective: str, known: tuple[str, ...]) -> ModelUnsupported:
    """Return the error for a booster that was trained for something else than telling classes apart."""
    return ModelUnsupported(
        f"{name} was trained for {objective}",
        why="its output cannot be read as class probabilities",
        fix=f"train it for one of: {', '.join(known)}",
    )
