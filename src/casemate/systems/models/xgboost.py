"""XGBoost's classifiers and boosters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.core.schema import Schema
from casemate.systems.models.answers import one_hot, softmax, two_columns
from casemate.systems.models.boosters import BoosterModel, booster_of, checked, class_codes, unsupported
from casemate.systems.models.extras import need
from casemate.systems.models.rehearsal import rehearse

if TYPE_CHECKING:
    from casemate.core.trees import TreeEnsemble

_BINARY = ("binary:logistic", "binary:logitraw", "binary:hinge")
_MULTI = ("multi:softprob", "multi:softmax")


@dataclass(frozen=True, eq=False)
class XGBoostModel(BoosterModel):
    """An XGBoost booster.

    Args:
        missing: the number that it reads as missing.
    """

    missing: float = float("nan")

    @property
    def gives_scores(self) -> bool:
        """Hinge loss yields labels only."""
        return self.objective != "binary:hinge"

    @cached_property
    def booster(self) -> Any:
        """The Booster, on one thread."""
        return _opened(self.saved)

    @cached_property
    def _trees(self) -> TreeEnsemble | None:
        return super()._trees if np.isnan(self.missing) else None

    def _answer(self, X: np.ndarray) -> np.ndarray:
        xgboost = need("xgboost", "ask an XGBoost model")
        rows = xgboost.DMatrix(
            X, missing=self.missing, feature_types=self.booster.feature_types, nthread=1, enable_categorical=True
        )
        raw = self.objective in ("binary:logitraw", "multi:softmax")
        answer = np.asarray(self.booster.predict(rows, output_margin=raw, validate_features=False))
        match self.objective:
            case "binary:logistic":
                return two_columns(answer)
            case "binary:hinge":
                return one_hot(answer.astype(np.int64), 2)
            case "binary:logitraw":
                return softmax(np.stack((np.zeros(len(X)), answer.reshape(len(X))), axis=1))
            case "multi:softmax":
                return softmax(answer.reshape(len(X), -1))
        return answer


def from_booster(model: Any, schema: Schema) -> XGBoostModel:
    """Adapt a Booster or a fitted XGBClassifier.

    A classifier that stopped early predicts with its best round, as does a booster that one was saved as.

    Raises:
        ModelError: not fitted.
        ModelUnsupported: an objective that tells no classes apart.
        ShapeMismatch: classes that the schema does not have.
    """
    name = f"XGBoost {type(model).__name__}"
    booster = booster_of(model, "get_booster", name)
    rounds = booster.attr("best_iteration")
    if rounds is not None and (booster is not model or booster.attr("scikit_learn") is not None):
        booster = booster[: int(rounds) + 1]
    config = json.loads(booster.save_config())["learner"]
    objective = str(config["objective"]["name"])
    if objective not in _BINARY + _MULTI:
        raise unsupported(name, objective, _BINARY + _MULTI)
    told = int(config["learner_model_param"]["num_class"]) if objective in _MULTI else 2
    missing = getattr(model, "missing", None)
    return XGBoostModel(
        schema,
        bytes(booster.save_raw("ubj")),
        class_codes(model, told, schema, name),
        name,
        objective,
        int(booster.num_features()),
        float("nan") if missing is None else float(missing),
    )


def load_booster(content: bytes, schema: Schema) -> XGBoostModel:
    """Read the content of an XGBoost model file, .ubj or .json.

    Raises:
        ModelUnreadable: XGBoost does not survive it, or a node points out of its tree or at no column.
        Exception: XGBoost's own error for a damaged file.
    """
    need("xgboost", "read an XGBoost model")
    if not content.startswith(b"{"):
        raise ValueError("the file does not hold an XGBoost model")
    rehearse("xgboost", content)
    return checked(from_booster(_opened(content), schema))


def _opened(content: bytes) -> Any:
    xgboost = need("xgboost", "read an XGBoost model")
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(content))
