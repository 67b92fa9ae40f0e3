"""Trusted-set filter: drop training rows whose label is implausible to models fitted on rows that the owner trusts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta

from casemate.core.control import Control, Fitting, control
from casemate.core.dataset import Dataset
from casemate.core.errors import ControlFailed

if TYPE_CHECKING:
    from sklearn.ensemble import VotingClassifier

FOLDS = 5


@control(
    "hardening.trusted-filter",
    mitigates=("data-poisoning", "backdoor"),
    limit="clean-label poisoning, whose labels are right (Shafahi et al., NeurIPS 2018; Turner et al., arXiv "
    "1912.02771), and a trusted set that is itself poisoned",
)
class TrustedFilter(Control):
    """Score every training row's label with models that never saw the training data, and drop implausible ones.

    Each fold's model is the mean of a standardised logistic regression (linear structure, few rows) and 100 extremely
    randomised trees (everything else). A label's implausibility is one minus its probability. The threshold is
    calibrated on trusted rows that the model did not see, for each label on its own, so that rare classes are not
    dropped for being rare: a row goes when its cross-conformal p-value is at most ``false_drop_rate``, which is about
    the share of clean rows that the owner accepts to lose. A weak model costs power, not clean rows. Dropped rows are
    not relabelled: what a region of flipped rows should have taught stays untaught.

    Needs, in every class, at least 5 trusted rows, and ``1 / false_drop_rate - 1`` for a p-value can be no smaller.

    Source: Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial Intelligence 74 (2015); label-wise
    calibration: Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World" (2005), section 4.5.
    """

    false_drop_rate: Annotated[float, Meta(gt=0, le=0.5, description="Share of clean rows that may be dropped.")] = 0.05

    def on_data(self, fitting: Fitting) -> Dataset:
        """Return the rows with plausible labels, in their order.

        Raises:
            ControlFailed: no trusted set, one that lacks rows of a class, or a class of which nothing is left.
        """
        data, trusted = fitting.data, self._checked(fitting)
        keep = p_values(trusted, data, fitting.seed) > self.false_drop_rate
        for label in np.setdiff1d(data.y, data.y[keep]):
            raise ControlFailed(
                f"no training row labelled {data.schema.classes[label]!r} is plausible to the trusted rows",
                where="hardening.trusted-filter",
                why="the trusted set and the training data disagree on what the class is, so one of them is wrong",
                fix="look at rows of this class in both, and check that their columns are in the same units",
            )
        return data.take(np.flatnonzero(keep))

    def _checked(self, fitting: Fitting) -> Dataset:
        trusted, schema = fitting.trusted, fitting.data.schema
        least = max(FOLDS, math.ceil(1 / self.false_drop_rate) - 1)
        if trusted is None:
            raise ControlFailed(
                "hardening.trusted-filter has no trusted rows to learn from",
                where="[data] trusted",
                why="it judges training labels by rows that the owner vouches for",
                fix=f"name a file with at least {least} rows of every class, checked by hand; or drop the control",
            )
        if trusted.schema.names != schema.names or trusted.schema.classes != schema.classes:
            raise ControlFailed(
                "the trusted rows have other columns or classes than the training rows",
                where="[data] trusted",
                fix="give both the same columns and the same class names, in the same order",
            )
        counts = np.bincount(trusted.y, minlength=len(schema.classes))
        if counts.min() < least:
            short = ", ".join(f"{schema.classes[c]!r}: {counts[c]}" for c in np.flatnonzero(counts < least)[:5])
            raise ControlFailed(
                f"the trusted set has too few rows of {int((counts < least).sum())} of {len(counts)} classes ({short})",
                where="[data] trusted",
                why=f"a false-drop rate of {self.false_drop_rate:g} needs {least} rows of every class; "
                "the first rows of a file that is sorted by class are often all of one",
                fix="draw trusted rows at random from every class, or raise false-drop-rate",
            )
        return trusted


def p_values(trusted: Dataset, data: Dataset, seed: int) -> np.ndarray:
    """Return the cross-conformal p-value of every row's label in ``data``, (n,) in (0, 1]; small means implausible."""
    at_least_as_odd = np.zeros(len(data))
    for model, held_out in _folds(trusted, seed):
        own, other = _implausibility(model, held_out), _implausibility(model, data)
        for label in np.unique(data.y):
            rows = data.y == label
            ranked = np.sort(own[held_out.y == label])
            at_least_as_odd[rows] += len(ranked) - np.searchsorted(ranked, other[rows], side="left")
    counts = np.bincount(trusted.y, minlength=trusted.classes)
    return np.asarray((1 + at_least_as_odd) / (1 + counts[data.y]))


def _folds(trusted: Dataset, seed: int) -> Iterator[tuple[VotingClassifier, Dataset]]:
    """Fit a model without each fold; yield it with the trusted rows that it did not see."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import StratifiedKFold

    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(trusted.X, trusted.y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # an early stop costs power; the threshold adapts
            yield _classifier(seed).fit(trusted.X[seen], trusted.y[seen]), trusted.take(unseen)


def _classifier(seed: int) -> VotingClassifier:
    from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    trees = ExtraTreesClassifier(n_estimators=100, random_state=seed)
    return VotingClassifier([("linear", linear), ("trees", trees)], voting="soft")


def _implausibility(model: VotingClassifier, data: Dataset) -> np.ndarray:
    if not len(data):
        return np.empty(0)
    return np.asarray(1.0 - model.predict_proba(data.X)[np.arange(len(data)), data.y])
