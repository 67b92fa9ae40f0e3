"""Mimicry: make the teacher's frozen layers see a row of another class, and the student built on them believes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.attacks.transfer import twin
from casemate.core.access import Access, Budget
from casemate.core.attack import attack
from casemate.core.errors import SingleClass
from casemate.core.evidence import Evidence
from casemate.core.schema import Schema
from casemate.core.target import Target

if TYPE_CHECKING:
    import torch

    Look = Callable[[torch.Tensor], torch.Tensor]

CANDIDATES = 3  # rows of the goal class that each source tries to resemble; each costs a run
STEPS = 100
MOMENTUM = 0.9
BATCH = 256


@attack(
    "transfer.mimicry",
    threat="transfer-learning",
    needs=Access(population=True, teacher=True, budget=Budget(norm="linf", radius=0.1)),
    requires=("teacher",),
    norms=("linf",),
    twin=twin.frozen_features,
)
def mimicry(target: Target) -> Evidence:
    """Imitate, at the deepest frozen layer of the public teacher, a row of the class that the attacker wants.

    The attacker sees the teacher's weights and never asks the student. Each source row is given another class as its
    goal. Within the radius it is moved until its features are as near as they get, in squared distance, to those of
    one of the attacker's own rows of that class, one that the teacher sets apart clearly; of a few such rows the one
    that was matched best counts. The student meets each finished row once.

    Limits: layers that the student trained anew are not imitated. One-hot groups stay as they are, for a change of
    one is wider than any radius below 1.

    Source: Wang, Yao, Viswanath, Zheng & Zhao, "With Great Training Comes Great Vulnerability: Practical Attacks
    against Transfer Learning", USENIX Security 2018. Signed steps with momentum: Dong et al., CVPR 2018
    (arXiv 1710.06081).

    Raises:
        SingleClass: the attacker's own rows are all of one class, so that there is nothing to imitate.
    """
    sources, own = target.victims, target.population
    goals = _goals(sources.y, own.y, int(target.common_rng.integers(1 << 16)))
    look = _flat(target.teacher.features)
    here, there = _features(look, sources.X), _features(look, own.X)
    clearest = _clearest(there, own.y)
    best, left, apart = sources.X, np.full(len(sources), np.inf), np.ones(len(sources))
    for turn in range(CANDIDATES if len(sources) else 0):
        wanted = there[[clearest[goal][turn % len(clearest[goal])] for goal in goals.tolist()]]
        moved, far = _imitate(look, target, sources.X, wanted)
        better = far < left
        best, left = np.where(better[:, None], moved, best), np.where(better, far, left)
        apart = np.where(better, ((here - wanted) ** 2).sum(axis=1), apart)
    evidence = target.present(best, origin=sources, goal=goals)
    if not len(sources):
        return evidence
    more = {
        "untargeted success": float(target.present(best, origin=sources).outcome.mean()),
        "feature distance left": float(np.median(np.sqrt(left / np.maximum(apart, 1e-30)))),
    }
    return replace(evidence, figures=dict(evidence.figures) | more)


def _goals(sources: np.ndarray, own: np.ndarray, shift: int) -> np.ndarray:
    """Return a goal class for each source label (n,): one of the attacker's own classes, the same in every arm."""
    held = np.unique(own)
    if len(held) < 2:
        raise SingleClass(
            f"the attacker's own rows are all of class {held.tolist()}",
            where="the half of the test rows that stands for the attacker's population",
            why="mimicry needs rows of a class other than the source's to imitate",
            fix="use a test set that holds several classes",
        )
    others = {label: held[held != label] for label in np.unique(sources)}
    return np.array([others[label][shift % len(others[label])] for label in sources], dtype=np.int64)


def _flat(module: Callable[[torch.Tensor], torch.Tensor]) -> Look:
    """Return the teacher as a map from rows (n, d) to features (n, f)."""
    return lambda rows: module(rows).flatten(1)


def _features(look: Look, X: np.ndarray) -> np.ndarray:
    """Return the teacher's features (n, f) of rows (n, d)."""
    import torch

    with torch.no_grad():
        parts = [look(_tensor(X[start : start + BATCH])) for start in range(0, max(len(X), 1), BATCH)]
    return np.asarray(torch.cat(parts).numpy())


def _clearest(there: np.ndarray, labels: np.ndarray) -> dict[int, np.ndarray]:
    """Return, by class, the positions (k,) of its rows that the teacher sets apart most clearly from other classes.

    That is: squared distance to the mean features of their own class less that to the nearest other mean. Rows near
    a border can be imitated well and still be taken for another class.
    """
    held = np.unique(labels)
    means = [there[labels == label].mean(axis=0) for label in held]
    far = np.stack([((there - mean) ** 2).sum(axis=1) for mean in means], axis=1)
    clear: dict[int, np.ndarray] = {}
    for index, label in enumerate(held.tolist()):
        rows = np.flatnonzero(labels == label)
        margin = far[rows, index] - np.delete(far[rows], index, axis=1).min(axis=1)
        clear[label] = rows[np.argsort(margin, kind="stable")[:CANDIDATES]]
    return clear


def _imitate(look: Look, target: Target, X: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (n, d) within the radius of ``X``, and the squared distance (n,) of their features to ``wanted``."""
    schema = target.schema
    reach = (target.budget.radius or 0.0) * schema.span * _movable(schema)
    low, high = np.clip(X - reach, schema.low, schema.high), np.clip(X + reach, schema.low, schema.high)
    moved = X.copy()
    for start in range(0, len(X), BATCH):
        part = slice(start, start + BATCH)
        box = _tensor(X[part]), _tensor(low[part]), _tensor(high[part])
        moved[part] = _descend(look, *box, _tensor(reach), _tensor(wanted[part])).double().numpy()
    moved = np.clip(moved, low, high)
    # Whole numbers are rounded towards the source: that never leaves the radius.
    moved = schema.project(np.where(schema.integral, X + np.trunc(moved - X), moved), X)
    return moved, ((_features(look, moved) - wanted) ** 2).sum(axis=1)


def _descend(
    look: Look, x0: torch.Tensor, low: torch.Tensor, high: torch.Tensor, reach: torch.Tensor, wanted: torch.Tensor
) -> torch.Tensor:
    """Minimise ||look(x) - wanted||^2 over the box by signed steps that shrink to nothing; return the best x (n, d)."""
    import torch

    x, best, lowest = x0, x0, torch.full((len(x0),), torch.inf)
    velocity = torch.zeros_like(x0)
    for step in range(STEPS + 1):
        x = x.detach().requires_grad_()
        loss = ((look(x) - wanted) ** 2).sum(1)
        (slope,) = torch.autograd.grad(loss.sum(), x)
        better = loss.detach() < lowest
        best, lowest = torch.where(better[:, None], x.detach(), best), torch.where(better, loss.detach(), lowest)
        slope = slope * reach
        velocity = MOMENTUM * velocity + slope / slope.abs().mean(1, keepdim=True).clamp_min(1e-20)
        pace = 0.5 * (1 - step / STEPS) * reach
        x = torch.clamp(x.detach() - pace * velocity.sign(), low, high)
    return best


def _movable(schema: Schema) -> np.ndarray:
    """Return which columns are changed, (d,) bool: mutable, and in no one-hot group."""
    single = np.array([column.one_hot is None for column in schema.columns], dtype=bool)
    return np.asarray(schema.mutable & single)


def _tensor(X: np.ndarray) -> torch.Tensor:
    """Return an array as float32."""
    import torch

    return torch.from_numpy(np.asarray(X, dtype=np.float32))
