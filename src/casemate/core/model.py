"""Model: one face over scikit-learn, trees, torch, ONNX and remote models."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from casemate.core.digests import digest
from casemate.core.functions import function_digest

if TYPE_CHECKING:
    import torch

    from casemate.core.trees import TreeEnsemble


@runtime_checkable
class Model(Protocol):
    """A trained classifier; can be pickled, so that it travels to worker processes.

    Where it gives no scores, `scores` returns one-hot labels.
    """

    @property
    def kind(self) -> str:
        """What it is, for people."""
        ...

    @property
    def features(self) -> int:
        """Number of inputs."""
        ...

    @property
    def classes(self) -> int:
        """Number of classes."""
        ...

    @property
    def gives_scores(self) -> bool:
        """Whether `scores` returns confidences."""
        ...

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities, (n, classes) float64, for rows (n, features) in their own units."""
        ...

    def network(self) -> torch.nn.Module | None:
        """Return a differentiable map from rows (n, features) float32, in their own units, to logits; or None.

        The module is in evaluation mode, its weights are frozen.
        """
        ...

    def trees(self) -> TreeEnsemble | None:
        """Return the flat tree ensemble that equals this model, or None."""
        ...


class Recipe(Protocol):
    """How the owner trains: data and a seed in, a model out."""

    @property
    def name(self) -> str:
        """What it is called, ``module:function``."""
        ...

    @property
    def digest(self) -> str:
        """Content digest of the code."""
        ...

    def train(self, data: Any, seed: int) -> Model:
        """Train on a `Dataset`. Raises a `RecipeError` when the recipe fails."""
        ...


@dataclass(frozen=True)
class PlainRecipe:
    """A recipe that is a function of this process; for trusted code such as vulnerable twins.

    Two recipes share trained models and cached evidence where their digests agree. The digest covers the function's
    code, defaults, closure, and the functions, values, classes and modules that it names (see
    `casemate.core.functions`). A function that holds something without a content digest shares with no other recipe.
    """

    function: Callable[[Any, int], Model]
    _unique: str = field(default_factory=lambda: uuid.uuid4().hex, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Where the function lives."""
        function = self.function
        return f"{function.__module__}:{getattr(function, '__qualname__', type(function).__qualname__)}"

    @cached_property
    def digest(self) -> str:
        """Content digest of the function, or a number of this recipe's own where there is none."""
        return digest("plain-recipe", self.name, function_digest(self.function) or self._unique)

    def train(self, data: Any, seed: int) -> Model:
        """Call the function."""
        return self.function(data, seed)


@dataclass(frozen=True)
class Teacher:
    """A public model whose frozen features the system's model re-uses.

    Args:
        features: maps rows (n, d) float32, in their own units, to the activations of the deepest frozen layer.
        layer: that layer's name.
        digest: content digest of the weights.
    """

    features: torch.nn.Module = field(repr=False)
    layer: str
    digest: str
