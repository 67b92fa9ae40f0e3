"""LightGBM's classifiers and boosters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from casemate.core.schema import Schema
from casemate.systems.models.answers import two_columns
from casemate.systems.models.boosters import BoosterModel, booster_of, checked, class_codes, unsupported
from casemate.systems.models.extras import need
from casemate.systems.models.rehearsal import rehearse

_OBJECTIVES = ("binary", "multiclass", "multiclassova")


@dataclass(frozen=True, eq=False)
class LightGBMModel(BoosterModel):
    """A LightGBM booster."""

    @cached_property
    def booster(self) -> Any:
        """The Booster."""
        return need("lightgbm", "ask a LightGBM model").Booster(model_str=self.saved.decode())

    def _answer(self, X: np.ndarray) -> np.ndarray:
        answer = np.asarray(self.booster.predict(X, num_threads=1))
        if self.objective == "binary":
            return two_columns(answer)
        # One classifier per class: LightGBM leaves their scores as they are, and the largest wins.
        return answer / answer.sum(axis=1, keepdims=True) if self.objective == "multiclassova" else answer


def from_booster(model: Any, schema: Schema) -> LightGBMModel:
    """Adapt a Booster or a fitted LGBMClassifier; one that stopped early predicts with its best round.

    Raises:
        ModelError: not fitted.
        ModelUnsupported: an objective that tells no classes apart.
        ShapeMismatch: classes that the schema does not have.
    """
    name = f"LightGBM {type(model).__name__}"
    booster = booster_of(model, "booster_", name)
    text = booster.model_to_string()
    objective = next((line[10:] for line in text.splitlines() if line.startswith("objective=")), "custom").split(" ")[0]
    if objective not in _OBJECTIVES:
        raise unsupported(name, objective, _OBJECTIVES)
    told = 2 if objective == "binary" else int(booster.num_model_per_iteration())
    codes = class_codes(model, told, schema, name)
    return LightGBMModel(schema, text.encode(), codes, name, objective, int(booster.num_feature()))


def load_booster(content: bytes, schema: Schema) -> LightGBMModel:
    """Read the content of a LightGBM model file, .txt.

    Raises:
        ModelUnreadable: LightGBM does not survive it, or a node points out of its tree or at no column.
        Exception: LightGBM's own error for a damaged file.
    """
    lightgbm = need("lightgbm", "read a LightGBM model")
    text = content.decode()
    last = text.rstrip().rpartition("\n")[2]
    if not (text.startswith("tree\n") and "\nend of trees" in text and last.startswith("pandas_categorical:")):
        raise ValueError("the file does not hold a whole LightGBM model")
    rehearse("lightgbm", content)
    return checked(from_booster(lightgbm.Booster(model_str=text), schema))
