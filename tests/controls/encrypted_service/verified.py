"""A made-up record of a verification in which everything holds, and what was measured of two small programs."""

from __future__ import annotations

from functools import cache

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from casemate.controls.encrypted_service.compile_model import Asked, compile_model
from casemate.controls.encrypted_service.descriptions import FeatureFile
from casemate.controls.encrypted_service.programs import Program
from casemate.controls.encrypted_service.verification import (
    Decisions,
    Errors,
    Headroom,
    Mutation,
    Security,
    Seen,
    Sizes,
    Time,
    Verification,
)

NAMES = ("age", "height", "weight", "<b>shoes</b>")


def rows(n: int = 200, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, len(NAMES))) * [1, 2, 0.5, 3] + [40, 170, 70, 42]


def labels(X: np.ndarray) -> np.ndarray:
    return ((X - [40, 170, 70, 42]) @ [1.0, -0.5, 2.0, 0.1] > 0).astype(np.int64)


@cache
def linear_model() -> LogisticRegression:
    return LogisticRegression(max_iter=2000).fit(rows(), labels(rows()))


@cache
def tree_model() -> GradientBoostingClassifier:
    return GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0).fit(rows(), labels(rows()))


@cache
def program(kind: str) -> Program:
    """A program of the kind "coefficients" or "slots"."""
    model = linear_model() if kind == "coefficients" else tree_model()
    asked = Asked(kind, features=tuple(map(FeatureFile, NAMES)))
    return compile_model(model, rows(), asked, classes=("thin", "thick")).program


def record() -> Verification:
    """A record in which everything holds."""
    rng = np.random.default_rng(0)
    return Verification(
        when="2026-11-26T10:00:00+00:00",
        name="people",
        program="ab" * 32,
        file="cd" * 32,
        kind="slots",
        semantics="the score is the log-odds of class 1",
        rows="people.csv",
        refused=2,
        errors=Errors(0.01, 0.002, 0.05, 0.001),
        decisions=Decisions(100, 100, "scikit-learn <model>", 99, 0.95),
        headroom=Headroom(46.0, 59.0, 9.0, 0.0),
        security=Security("ckks", 8192, (59, 48, 48, 59), 214),
        sizes=Sizes(164_060, 131_324, 27_984_104, 23_255),
        times=(Time("client encrypts", 5.9, 6.2, 29.0), Time("server answers", 97.5, 141.0, 196.0)),
        mutations=(Mutation("a flipped bit in a query", "server", 200, 200), Mutation("a cut", "client", 40, 40)),
        seen=Seen(
            NAMES,
            (41.0, 170.5, 70.1, 43.0),
            (37.0, 165.0, 69.0, 33.0),
            (43.0, 175.0, 71.0, 50.0),
            tuple(rng.integers(100, 150, 64).tolist()),
            0.5,
            rng.bytes(4096),
            0.0,
        ),
        environment={"python": "3.11.7", "casemate": "0.1.0"},
    )
