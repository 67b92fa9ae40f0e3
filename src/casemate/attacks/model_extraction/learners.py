"""Learners for a stolen copy: a few families, and the one that best agrees with the answers on rows it did not see."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.core.schema import Schema

Copy = Callable[[np.ndarray], np.ndarray]
"""Maps rows (n, d) in their own units to scores (n, classes)."""

_FOLDS = 3
_MOST_CATEGORIES = 64


@dataclass(frozen=True, eq=False)
class Answers:
    """What the attacker was told, refusals left out.

    Args:
        X: the rows, (n, d).
        labels: (n,) int64.
        scores: (n, classes), or None where only labels were given.
        real: which rows are real ones rather than invented, (n,) bool.
    """

    X: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None
    real: np.ndarray

    def __len__(self) -> int:
        return len(self.X)

    @classmethod
    def none(cls, schema: Schema) -> Answers:
        """No answers yet."""
        classes = len(schema.classes)
        empty = np.empty(0, dtype=np.int64)
        return cls(np.empty((0, schema.features)), empty, np.empty((0, classes)), empty.astype(bool))

    def join(self, other: Answers) -> Answers:
        """Return both; scores only where both have them."""
        pairs = [(self.X, other.X), (self.labels, other.labels), (self.real, other.real)]
        X, labels, real = (np.concatenate(pair) for pair in pairs)
        if self.scores is None or other.scores is None:
            return Answers(X, labels, None, real)
        return Answers(X, labels, np.concatenate([self.scores, other.scores]), real)

    def take(self, rows: np.ndarray) -> Answers:
        """Return the answers at the given positions or where a mask is true."""
        scores = None if self.scores is None else self.scores[rows]
        return Answers(self.X[rows], self.labels[rows], scores, self.real[rows])


@dataclass(frozen=True)
class Family:
    """A kind of model.

    Args:
        name: what people call it.
        make: makes an unfitted estimator from (classes, seed).
        aim: turns scores into what the estimator regresses on; None for a classifier of labels.
    """

    name: str
    make: Callable[[int, int], Any]
    aim: Callable[[np.ndarray], np.ndarray] | None = None

    def fit(self, answers: Answers, schema: Schema, seed: int) -> Copy:
        """Fit it to the answers; a constant where they hold one class only. At least one answer."""
        classes, seen = len(schema.classes), np.unique(answers.labels)
        if len(seen) == 1:
            return lambda X: np.tile(np.eye(classes)[seen[0]], (len(X), 1))
        from sklearn.exceptions import ConvergenceWarning

        wanted = answers.labels
        if self.aim is not None:
            assert answers.scores is not None  # `learn` offers such families only where there are scores
            wanted = self.aim(answers.scores)
        with warnings.catch_warnings():
            # A copy that has not converged is still a copy, and the agreement of each is measured.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = self.make(classes, seed).fit(_encode(schema, answers.X), wanted)
        if self.aim is not None:
            return lambda X: np.asarray(model.predict(_encode(schema, X)))
        return lambda X: _spread(model.predict_proba(_encode(schema, X)), model.classes_, classes)


def learn(answers: Answers, schema: Schema, seed: int) -> tuple[Copy, str, float]:
    """Return the copy of the best family, the family's name, and its cross-validated agreement in [0, 1].

    Real rows and invented rows count half each in the agreement: the copy is to be used on real ones, of which the
    attacker may have few. At least one answer.
    """
    best, highest = EXTRA_TREES, -1.0
    for family in FAMILIES:
        if family.aim is not None and answers.scores is None:
            continue
        agreement = _agreement(family, answers, schema, seed)
        if agreement > highest:
            best, highest = family, agreement
        if highest == 1.0:
            break
    return best.fit(answers, schema, seed), best.name, highest


def _agreement(family: Family, answers: Answers, schema: Schema, seed: int) -> float:
    fold = _folds(answers.labels, seed)
    agrees = np.zeros(len(answers), dtype=bool)
    for held_out in (fold == k for k in np.unique(fold)):
        if not (~held_out).any():
            return 1.0  # one answer: nothing to compare
        copy = family.fit(answers.take(~held_out), schema, seed)
        agrees[held_out] = copy(answers.X[held_out]).argmax(axis=1) == answers.labels[held_out]
    kinds = [agrees[kind] for kind in (answers.real, ~answers.real) if kind.any()]
    return float(np.mean([kind.mean() for kind in kinds]))


def _folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """A fold for each row, (n,), each label spread evenly."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order] = np.arange(len(labels)) % _FOLDS
    return fold


def _encode(schema: Schema, X: np.ndarray) -> np.ndarray:
    """Rows in the unit box, categories spread out to indicators unless there are very many."""
    U, blocks = schema.to_unit(X), []
    for index, column in enumerate(schema.columns):
        codes = np.arange(np.ceil(column.low), np.floor(column.high) + 1)
        spread = column.kind == "category" and 2 < len(codes) <= _MOST_CATEGORIES
        blocks.append((X[:, [index]] == codes).astype(np.float64) if spread else U[:, [index]])
    return np.concatenate(blocks, axis=1)


def _spread(given: np.ndarray, seen: np.ndarray, classes: int) -> np.ndarray:
    out = np.zeros((len(given), classes))
    out[:, seen] = given
    return out


def _log_odds(floor: float) -> Callable[[np.ndarray], np.ndarray]:
    """Centred log-scores; ``floor`` bounds what a score of 0 stands for."""

    def aim(scores: np.ndarray) -> np.ndarray:
        logs = np.log(np.clip(scores, floor, 1.0))
        return np.asarray(logs - logs.mean(axis=1, keepdims=True))

    return aim


def _same(scores: np.ndarray) -> np.ndarray:
    return scores


def _scaled(estimator: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator)


def _logistic(_classes: int, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return _scaled(LogisticRegression(C=100.0, max_iter=300, random_state=seed))


def _ridge(_classes: int, _seed: int) -> Any:
    from sklearn.linear_model import Ridge

    return _scaled(Ridge(alpha=1e-6))


def _perceptron(_classes: int, seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    return _scaled(MLPClassifier(hidden_layer_sizes=(64,), max_iter=100, random_state=seed))


def _perceptron_of_scores(_classes: int, seed: int) -> Any:
    from sklearn.neural_network import MLPRegressor

    return _scaled(MLPRegressor(hidden_layer_sizes=(64,), max_iter=150, random_state=seed))


def _extra_trees(_classes: int, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(100, random_state=seed, n_jobs=1)


def _forest_of_scores(_classes: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(30, max_features=0.3, random_state=seed, n_jobs=1)


def _boosting(classes: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # One tree per class and step: fewer and longer steps where there are many classes.
    steps = 60 if classes <= 3 else max(8, 150 // classes)
    rate = 0.1 if classes <= 3 else 0.3
    return HistGradientBoostingClassifier(max_iter=steps, learning_rate=rate, early_stopping=False, random_state=seed)


EXTRA_TREES = Family("extra trees", _extra_trees)
"""Fast, and its votes say where it is unsure."""

FAMILIES = (
    # Scores of a linear model are linear in its inputs after the log: Tramer et al.'s equation solving.
    Family("equations in the scores", _ridge, _log_odds(1e-12)),
    Family("neural network on scores", _perceptron_of_scores, _log_odds(1e-3)),
    Family("random forest on scores", _forest_of_scores, _same),
    Family("logistic regression", _logistic),
    Family("neural network", _perceptron),
    Family("boosted trees", _boosting),
    EXTRA_TREES,
)
"""Simplest first: the first of equals is chosen."""
