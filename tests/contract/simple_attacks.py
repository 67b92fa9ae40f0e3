"""Attacks in a few lines each, for showing what a control stops and what it does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from casemate.core.evidence import Evidence
from casemate.core.target import Target

Labeller = Callable[[np.ndarray], np.ndarray]


def copy_by_equations(target: Target) -> Evidence:
    """Solve for the weights of a two-class logistic model from d + 1 answers (Tramer et al., 2016, section 4.1)."""
    queries = target.rng.random((target.schema.features + 1, target.schema.features))
    return target.compare(_solve(queries, target.scores(queries)))


def copy_by_many_equations(target: Target) -> Evidence:
    """The same with all of the budget: rounding errors average out (Tramer et al., 2016, section 7)."""
    queries = target.rng.random((target.budget.queries or 0, target.schema.features))
    return target.compare(_solve(queries, target.scores(queries)))


def copy_by_labels(target: Target) -> Evidence:
    """Ask about uniform noise and fit a classifier to the answered labels."""
    queries = target.rng.random((target.budget.queries or 0, target.schema.features))
    return target.compare(_fit(queries, target.labels(queries)))


def copy_by_natural_rows(target: Target) -> Evidence:
    """Ask about rows of the population and fit a classifier to the answered labels."""
    queries = target.population.X[: target.budget.queries]
    return target.compare(_fit(queries, target.labels(queries)))


def guess_members_by_confidence(target: Target) -> Evidence:
    """Take the rows of whose label the model is surest for training rows (Yeom et al., CSF 2018)."""
    suspects = target.suspects
    return target.unmask(target.scores(suspects.X)[np.arange(len(suspects)), suspects.y])


def invert_classes(target: Target, starts: int = 4, steps: int = 25) -> Evidence:
    """Climb each class's confidence from noise by finite differences (Fredrikson et al., CCS 2015).

    Won where what comes out resembles the mean of that class more than that of any other.
    """
    schema, rows = target.schema, target.holdout
    means = np.array([rows.X[rows.y == c].mean(axis=0) for c in range(target.classes)])
    goals = np.repeat(np.arange(target.classes), starts)
    found = np.array([_climb(target, goal, target.common_rng.random(schema.features), steps) for goal in goals])
    centred = means - means.mean(axis=0)
    likeness = (found - means.mean(axis=0)) @ (centred / np.linalg.norm(centred, axis=1, keepdims=True)).T
    return Evidence.rate("classes recovered", won=likeness.argmax(axis=1) == goals, ids=np.arange(len(goals)))


def clean_label_trigger(target: Target) -> Evidence:
    """Mark rows of the goal class, labels untouched; then show the mark on other rows (Turner et al., 2019)."""
    data, goal, column = target.training_data, 1, -1
    rows = target.common_rng.permutation(np.flatnonzero(data.y == goal))[: target.budget.rows]
    child = target.retrain(data.rewrite(rows, _marked(data.X[rows], column)))
    victims = target.victims.take(target.victims.y != goal)
    return Evidence.rate("backdoor success", won=child.labels(_marked(victims.X, column)) == goal, ids=victims.ids)


def _marked(X: np.ndarray, column: int) -> np.ndarray:
    marked = X.copy()
    marked[:, column] = 1.0
    return marked


def _solve(queries: np.ndarray, scores: np.ndarray) -> Labeller:
    certain = np.clip(scores, 1e-12, 1.0)
    logits = np.log(certain[:, 1]) - np.log(certain[:, 0])
    weights = np.linalg.lstsq(np.column_stack([queries, np.ones(len(queries))]), logits)[0]
    return lambda X: (X @ weights[:-1] + weights[-1] > 0).astype(np.int64)


def _fit(queries: np.ndarray, labels: np.ndarray) -> Labeller:
    from sklearn.linear_model import LogisticRegression

    known = labels >= 0
    if len(np.unique(labels[known])) < 2:
        return lambda X: np.zeros(len(X), dtype=np.int64)
    copied = LogisticRegression(C=100.0, max_iter=2000).fit(queries[known], labels[known])
    return lambda X: np.asarray(copied.predict(X))


def _climb(target: Target, goal: int, x: np.ndarray, steps: int, reach: float = 0.01) -> np.ndarray:
    probes = reach * np.concatenate([np.eye(len(x)), -np.eye(len(x))])
    for _ in range(steps):
        confidence = target.scores(np.clip(x + probes, 0.0, 1.0))[:, goal]
        uphill = confidence[: len(x)] - confidence[len(x) :]
        x = np.clip(x + 0.1 * np.sign(uphill), 0.0, 1.0)
    return x
