"""XGBoost's and LightGBM's boosters, kept as their own model files and scored on one thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.core.errors import ModelError, ModelUnsupported, ShapeMismatch
from casemate.core.schema import Schema
from casemate.systems.models.answers import codes_of, one_hot, probabilities, softmax, spread, two_columns
from casemate.systems.models.extras import need
from casemate.systems.models.rehearsal import rehearse

if TYPE_CHECKING:
    import torch

    from casemate.core.trees import TreeEnsemble

_XGBOOST_BINARY = ("binary:logistic", "binary:logitraw", "binary:hinge")
_XGBOOST_MULTI = ("multi:softprob", "multi:softmax")
_LIGHTGBM = ("binary", "multiclass", "multiclassova")


@dataclass(frozen=True, eq=False)
class BoosterModel:
    """What both libraries share: a booster rebuilt from its bytes in every process.

    Args:
        saved: the booster in its library's own format, cut to the rounds that it predicts with.
        schema: the system's columns and classes.
        codes: the label code of each of its classes, in its own order.
        name: its class, for people.
        objective: what it was trained for, in its library's words.
        features: number of inputs.
    """

    saved: bytes = field(repr=False)
    schema: Schema
    codes: np.ndarray
    name: str
    objective: str
    features: int

    @property
    def kind(self) -> str:
        """Library and class."""
        return self.name

    @property
    def classes(self) -> int:
        """Classes of the schema."""
        return len(self.schema.classes)

    @property
    def gives_scores(self) -> bool:
        """Whether its objective yields more than labels."""
        return True

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes) for rows (n, d)."""
        if not len(X):  # the libraries warn or refuse
            return np.empty((0, self.classes))
        answer = self._answer(np.asarray(X, dtype=np.float64))
        return spread(probabilities(answer, len(X), len(self.codes), self.kind), self.codes, self.classes)

    def network(self) -> torch.nn.Module | None:
        """No gradients."""
        return None

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

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("booster", "_trees")}


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
        return _xgboost_from(self.saved)

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


def from_xgboost(model: Any, schema: Schema) -> XGBoostModel:
    """Adapt a Booster or a fitted XGBClassifier.

    A classifier that stopped early predicts with its best round, as does a booster that one was saved as.

    Raises:
        ModelError: not fitted.
        ModelUnsupported: an objective that tells no classes apart.
        ShapeMismatch: classes that the schema does not have.
    """
    import json

    name = f"XGBoost {type(model).__name__}"
    booster = _inside(model, "get_booster", name)
    rounds = booster.attr("best_iteration")
    if rounds is not None and (booster is not model or booster.attr("scikit_learn") is not None):
        booster = booster[: int(rounds) + 1]
    config = json.loads(booster.save_config())["learner"]
    objective = str(config["objective"]["name"])
    if objective not in _XGBOOST_BINARY + _XGBOOST_MULTI:
        raise _unsupported(name, objective, _XGBOOST_BINARY + _XGBOOST_MULTI)
    told = int(config["learner_model_param"]["num_class"]) if objective in _XGBOOST_MULTI else 2
    missing = getattr(model, "missing", None)
    return XGBoostModel(
        bytes(booster.save_raw("ubj")),
        schema,
        _codes(model, told, schema, name),
        name,
        objective,
        int(booster.num_features()),
        float("nan") if missing is None else float(missing),
    )


def from_lightgbm(model: Any, schema: Schema) -> LightGBMModel:
    """Adapt a Booster or a fitted LGBMClassifier; one that stopped early predicts with its best round.

    Raises:
        ModelError: not fitted.
        ModelUnsupported: an objective that tells no classes apart.
        ShapeMismatch: classes that the schema does not have.
    """
    name = f"LightGBM {type(model).__name__}"
    booster = _inside(model, "booster_", name)
    text = booster.model_to_string()
    objective = next((line[10:] for line in text.splitlines() if line.startswith("objective=")), "custom").split(" ")[0]
    if objective not in _LIGHTGBM:
        raise _unsupported(name, objective, _LIGHTGBM)
    told = 2 if objective == "binary" else int(booster.num_model_per_iteration())
    codes = _codes(model, told, schema, name)
    return LightGBMModel(text.encode(), schema, codes, name, objective, int(booster.num_feature()))


def load_xgboost(content: bytes, schema: Schema) -> XGBoostModel:
    """Read the content of an XGBoost model file, .ubj or .json.

    Raises:
        ModelUnreadable: XGBoost does not survive it.
        Exception: XGBoost's own error for a damaged file.
    """
    need("xgboost", "read an XGBoost model")
    if not content.startswith(b"{"):
        raise ValueError("the file does not hold an XGBoost model")
    rehearse("xgboost", content)
    return from_xgboost(_xgboost_from(content), schema)


def load_lightgbm(content: bytes, schema: Schema) -> LightGBMModel:
    """Read the content of a LightGBM model file, .txt.

    Raises:
        ModelUnreadable: LightGBM does not survive it.
        Exception: LightGBM's own error for a damaged file.
    """
    lightgbm = need("lightgbm", "read a LightGBM model")
    text = content.decode()
    last = text.rstrip().rpartition("\n")[2]
    if not (text.startswith("tree\n") and "\nend of trees" in text and last.startswith("pandas_categorical:")):
        raise ValueError("the file does not hold a whole LightGBM model")
    rehearse("lightgbm", content)
    return from_lightgbm(lightgbm.Booster(model_str=text), schema)


def _xgboost_from(content: bytes) -> Any:
    xgboost = need("xgboost", "read an XGBoost model")
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(content))


def _inside(model: Any, attribute: str, name: str) -> Any:
    """The Booster itself, or the one inside a fitted scikit-learn wrapper."""
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


def _codes(model: Any, told: int, schema: Schema, name: str) -> np.ndarray:
    found = getattr(model, "classes_", None)
    if found is None and told != len(schema.classes):
        raise ShapeMismatch(
            f"the model tells {told} classes apart, the data has {len(schema.classes)}",
            where=name,
            fix="train it on this data, or correct the classes in [data]",
        )
    return codes_of(range(told) if found is None else found, schema, name)


def _unsupported(name: str, objective: str, known: tuple[str, ...]) -> ModelUnsupported:
    return ModelUnsupported(
        f"{name} was trained for {objective}",
        why="its output cannot be read as class probabilities",
        fix=f"train it for one of: {', '.join(known)}",
    )
