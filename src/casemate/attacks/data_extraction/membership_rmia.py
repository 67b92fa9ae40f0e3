"""Robust membership inference: does the system know a row better than models that may not have seen it?"""

from __future__ import annotations

import numpy as np

from casemate.attacks.data_extraction.twin import memorising_system
from casemate.core.access import Access, Budget
from casemate.core.attack import attack
from casemate.core.dataset import Dataset
from casemate.core.errors import DataError
from casemate.core.evidence import Evidence
from casemate.core.statistics import minimum_nonmembers
from casemate.core.target import Target

FPR = 0.05
REFERENCES = 8

# The smallest ratio by which x must beat a z. The share of z that x beats never falls as LR(x) rises, so any gamma >= 1
# ranks suspects alike but for ties; gamma = 1 makes no ties of its own.
GAMMA = 1.0
LEAST = 1e-6


@attack(
    "data-extraction.membership-rmia",
    threat="membership-inference",
    needs=Access("gray-box", recipe=True, population=True, budget=Budget(references=REFERENCES)),
    twin=memorising_system,
)
def membership_rmia(target: Target) -> Evidence:
    """RMIA, online: the likelihood of a row under the system over its likelihood under reference models.

    Reference models are trained by the owner's recipe on halves of the rows that the attacker holds (suspects and
    population), each row in as many as it is out of. They answer through the owner's controls, which adapts the attack
    to whatever those do to scores; where scores are withheld, likelihoods are 0 or 1, and the attack works on
    correctness. The suspects serve as each other's population z, so that no query is spent on anything else. Whoever
    asks about one suspect asks about no other. A suspect that was refused, or that the queries do not reach, is ranked
    last.

    Source: Zarifzadeh, Liu & Shokri, ICML 2024 (arXiv 2312.03262).

    Raises:
        DataError: too few suspects to measure a false-positive rate of 5 %.
    """
    suspects = target.suspects
    _check_enough(suspects)
    held = _held(target, suspects)
    granted = target.budget.references
    inside = _memberships(held.y, REFERENCES if granted is None else granted, target.common_rng)
    p = _likelihood(_asked(target, suspects.X), suspects.y)
    references = np.empty((len(inside), len(suspects)))
    for k, rows in enumerate(inside):
        model = target.reference(held.take(rows), int(target.common_rng.integers(2**31)))
        references[k] = _likelihood(model.scores(suspects.X), suspects.y)
    mean = _expected(references, inside[:, : len(suspects)])
    # Labels alone leave many ties; a coin between equals hides no leak and finds none that is not there.
    coin = target.common_rng.random(len(suspects)) / len(suspects)
    return target.unmask(_rmia(p, mean) + coin, fpr=FPR)


def _expected(p: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return p(x) (n,): the mean of a row's likelihoods under models trained with it (in) and without it (out).

    Where no model without x answered, the mean over all rows stands in; where none with x did, the paper's offline
    line ``in = a * out + 1 - a``, with ``a`` fitted to the two means. Without any model p(x) is 1 throughout, and RMIA
    becomes a threshold on the loss.

    Args:
        p: likelihoods of the true class under each reference model, (references, n); NaN where not answered.
        inside: whether each row was trained on, (references, n) bool.
    """
    p_in, p_out = _mean(p, inside), _mean(p, ~inside)
    mean_out = _overall(p_out, otherwise=_overall(p_in, otherwise=1.0))
    mean_in = _overall(p_in, otherwise=mean_out)
    a = float(np.clip((1 - mean_in) / max(1 - mean_out, LEAST), 0, 1))
    p_out = np.where(np.isfinite(p_out), p_out, mean_out)
    p_in = np.where(np.isfinite(p_in), p_in, a * p_out + 1 - a)
    return np.asarray((p_in + p_out) / 2)


def _rmia(p: np.ndarray, mean: np.ndarray, gamma: float = GAMMA) -> np.ndarray:
    """Return for each row x the share of the other rows z with LR(x) / LR(z) >= gamma, (n,) in [0, 1].

    LR(x) = p(x | system) / p(x). Rows with a NaN in ``p`` get -inf and serve as no z.

    Args:
        p: likelihoods of the true class under the system, (n,); NaN where not answered.
        mean: p(x), (n,); see `_expected`.
        gamma: at least 1.
    """
    out = np.full(len(p), -np.inf)
    answered = np.flatnonzero(np.isfinite(p))
    ratio = p[answered] / mean[answered]
    beaten = np.searchsorted(np.sort(ratio), ratio / gamma, side="right")
    itself = ratio >= gamma * ratio
    out[answered] = (beaten - itself) / max(len(answered) - 1, 1)
    return out


def _held(target: Target, suspects: Dataset) -> Dataset:
    """The attacker's rows: the suspects first, then its own."""
    if not target.access.population:
        return suspects
    own = target.population
    return Dataset(np.concatenate([suspects.X, own.X]), np.concatenate([suspects.y, own.y]), suspects.schema)


def _memberships(y: np.ndarray, references: int, rng: np.random.Generator) -> np.ndarray:
    """Which rows each reference model is trained on, (references, n) bool: complementary halves of every class."""
    lonely = np.bincount(y)[y] == 1  # a class of one row must be in every half, or the recipe would not know it
    halves: list[np.ndarray] = []
    while len(halves) < references:
        half = np.zeros(len(y), dtype=bool)
        for label in np.unique(y):
            half[rng.permutation(np.flatnonzero(y == label))[rng.integers(2) :: 2]] = True
        halves += [half | lonely, ~half | lonely]
    return np.array(halves[:references], dtype=bool).reshape(references, len(y))


def _likelihood(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Score of the true class, (n,) in [LEAST, 1]; NaN where the answer is empty."""
    p = np.clip(scores[np.arange(len(y)), y], LEAST, 1.0)
    return np.where(scores.any(axis=1), p, np.nan)


def _asked(target: Target, X: np.ndarray) -> np.ndarray:
    """Scores (n, classes) of the suspects as far as they are given; zeros for those that the queries do not reach."""
    scores, reach = np.zeros((len(X), target.classes)), X[: target.queries_left]
    campaigns = np.arange(len(reach))
    if target.access.scores:
        scores[: len(reach)] = target.scores(reach, campaigns)
    else:
        scores[: len(reach)] = _one_hot(target.labels(reach, campaigns), target.classes)
    return scores


def _one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.asarray(labels[:, None] == np.arange(classes), dtype=np.float64)


def _mean(p: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean over the models for which ``where`` holds and that answered, (n,); NaN where there is none."""
    use = where & np.isfinite(p)
    count = use.sum(axis=0)
    return np.where(count > 0, np.where(use, p, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _overall(values: np.ndarray, otherwise: float) -> float:
    """Mean of the known values."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else otherwise


def _check_enough(suspects: Dataset) -> None:
    outsiders, least = len(suspects) // 2, minimum_nonmembers(FPR)
    if outsiders < least:
        raise DataError(
            f"{outsiders} non-members are too few to measure a false-positive rate of {FPR:.0%}",
            where="[data] test",
            why="one false positive among them would already be more than the rate allows",
            fix=f"give at least {2 * least} test rows; half of them are the attacker's own",
        )
