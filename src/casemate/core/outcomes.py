"""Outcomes: how the harness decides, sample by sample, whether an attacker won."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from casemate.core.access import Budget
from casemate.core.dataset import Dataset
from casemate.core.errors import NotFinite, ShapeMismatch
from casemate.core.evidence import MAX_EXAMPLE_VALUES, MAX_EXAMPLES, Evidence, Example
from casemate.core.request import REFUSED, Prediction
from casemate.core.schema import Schema, distance

# float32 networks work to about 1e-7 of a range; a radius is held to that and no more.
RADIUS_SLACK = 1e-5


def evasion(X: np.ndarray, origin: Dataset, goal: np.ndarray | None, reply: Prediction, budget: Budget) -> Evidence:
    """Return evidence of adversarial examples ``X`` (n, d) made from the rows of ``origin``."""
    schema = origin.schema
    possible = schema.possible(X, origin.X)
    norm = budget.norm or "linf"
    far = distance(schema, X, origin.X, norm)
    within = np.ones(len(X), bool) if budget.radius is None else far <= budget.radius * (1 + RADIUS_SLACK) + 1e-7
    fooled = (reply.labels != origin.y) if goal is None else (reply.labels == goal)
    fooled &= ~reply.refused
    won = fooled & possible & within
    figures = {"refused": float(reply.refused.mean()) if len(X) else 0.0}
    if won.any():
        figures[f"median {norm} distance of wins"] = float(np.median(far[won]))
    discarded = int((fooled & ~(possible & within)).sum())
    notes = (f"{discarded} examples fooled the model but were impossible or out of the radius",) if discarded else ()
    return Evidence.rate(
        "evasion success" if goal is None else "targeted success",
        won=won,
        detected=won & reply.alarmed,
        ids=origin.ids,
        figures=figures,
        examples=show(origin, X, reply.labels, np.flatnonzero(won)),
        notes=notes,
    )


def membership(scores: np.ndarray, truth: np.ndarray, ids: np.ndarray, fpr: float) -> Evidence:
    """Return evidence of membership scores (n,) held against the truth (n,) bool."""
    from casemate.core.statistics import auc, tpr_at_fpr

    if scores.shape != truth.shape:
        raise ShapeMismatch(f"{len(truth)} suspects, but scores have shape {scores.shape}", fix="score every suspect")
    if np.isnan(scores).any():
        raise NotFinite("membership scores hold NaN", fix="give every suspect a score; -inf means surely no member")
    inside, outside = scores[truth], scores[~truth]
    found = tpr_at_fpr(inside, outside, fpr)
    figures = {"AUC": auc(inside, outside), "false-positive rate": found.fpr.value, "chance": fpr}
    evidence = Evidence.rate(
        f"members found at {fpr:.0%} false positives",
        won=inside > found.threshold,
        ids=ids[truth],
        figures=figures,
        notes=(f"threshold chosen on {len(outside)} non-members; the interval allows for that",),
    )
    return replace(evidence, surely=inside > found.strict, perhaps=inside > found.liberal)


def fidelity(copied: np.ndarray, reply: Prediction, rows: Dataset) -> Evidence:
    """Return evidence of a copy's labels (n,) held against the system's answers, over the rows that it answers."""
    copied = np.asarray(copied)
    if copied.shape != (len(rows),):
        raise ShapeMismatch(f"{len(rows)} rows, but the copy answered {copied.shape}", fix="answer every row")
    answered = ~reply.refused
    figures = {"accuracy of the copy": float((copied == rows.y).mean()) if len(rows) else 0.0}
    if reply.refused.any():
        figures["honest rows refused, and left out"] = float(reply.refused.mean())
    agrees = (copied == reply.labels)[answered]
    return Evidence.rate("fidelity of the copy", won=agrees, ids=rows.ids[answered], figures=figures)


def show(origin: Dataset, X: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> tuple[Example, ...]:
    """Return a few of the given rows as examples: before, after, and the labels of both."""
    schema = origin.schema
    if schema.features > MAX_EXAMPLE_VALUES:
        return ()
    return tuple(
        Example(
            before=tuple(map(float, origin.X[row])),
            after=tuple(map(float, X[row])),
            shape=schema.shape,
            names=schema.names if not schema.is_image else (),
            before_label=class_name(schema, int(origin.y[row])),
            after_label=class_name(schema, int(labels[row])),
        )
        for row in rows[:MAX_EXAMPLES]
    )


def class_name(schema: Schema, label: int) -> str:
    """Return a label's name."""
    return "refused" if label == REFUSED else schema.classes[label]


def scores_as_given(reply: Prediction, classes: int) -> np.ndarray:
    """Return an answer's scores (n, classes): one-hot labels where withheld, zeros where refused."""
    if reply.scores is not None:
        return np.asarray(np.nan_to_num(reply.scores, nan=0.0))
    out = np.zeros((len(reply), classes))
    rows = np.flatnonzero(~reply.refused)
    out[rows, reply.labels[rows]] = 1.0
    return out


def shuffle(inside: Dataset, outside: Dataset, rng: np.random.Generator) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Mix members and non-members.

    Returns the rows with fresh identities, which of them are members, (n,) bool, and their true identities, (n,).
    """
    truth = np.concatenate([np.ones(len(inside), bool), np.zeros(len(outside), bool)])
    order = rng.permutation(len(truth))
    X = np.concatenate([inside.X, outside.X])[order]
    y = np.concatenate([inside.y, outside.y])[order]
    ids = np.concatenate([inside.ids, outside.ids])[order]
    return Dataset(X, y, inside.schema, np.arange(len(X), dtype=np.int64)), truth[order], ids


def as_seen(reply: Prediction, *, scores: bool) -> Prediction:
    """Return an answer as the client sees it: without alarms, and without scores that it was not granted."""
    return replace(reply, scores=reply.scores if scores else None, alarmed=np.zeros(len(reply), dtype=bool))
