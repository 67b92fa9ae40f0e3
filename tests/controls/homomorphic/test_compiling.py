"""Compiling finds the smallest parameters that suffice, and says what would have to change where none do."""

from itertools import pairwise

import numpy as np
import pytest

from casemate.controls.homomorphic import compiling
from casemate.controls.homomorphic.circuits import Circuit, Linear, Polynomial, Scaled
from casemate.controls.homomorphic.compile_linear import compile_linear
from casemate.controls.homomorphic.compiling import compile_slots
from casemate.controls.homomorphic.security import most_bits
from casemate.core.errors import EmptyData, ModelUnsupported

SQUARE = Polynomial(np.array([0.0, 0.0, 1.0]))


def circuit(*widths: int, scale: float = 1.0) -> Circuit:
    rng = np.random.default_rng(0)
    layers = [
        Linear(rng.normal(size=(out, into)) / np.sqrt(into) * scale, rng.normal(size=out) * 0.1)
        for into, out in pairwise(widths)
    ]
    steps = [step for layer in layers for step in (layer, SQUARE)][:-1]
    ones = np.ones(widths[0])
    return Circuit(Scaled(0 * ones, ones, -2 * ones, 2 * ones), tuple(steps), "number")


ROWS = np.random.default_rng(1).uniform(-1, 1, (40, 12))


def test_scores_stay_within_the_tolerance() -> None:
    made = compile_slots(circuit(12, 8, 3), ROWS, tolerance=0.02)
    chain = made.program.context.chain
    assert made.error <= 0.01
    assert chain.bits <= most_bits(chain.degree)
    assert made.mask_bits >= 8
    assert made.mask.spread > 0


def test_a_smaller_tolerance_costs_more() -> None:
    coarse = compile_slots(circuit(12, 8, 3), ROWS, tolerance=0.5)
    fine = compile_slots(circuit(12, 8, 3), ROWS, tolerance=1e-4)
    assert coarse.seconds < fine.seconds
    assert fine.error <= 5e-5


def test_estimates_are_cautious_and_near() -> None:
    made = compile_slots(circuit(12, 8, 3), ROWS, tolerance=0.02)
    assert made.error < made.estimated < 100 * made.error


def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmptyData):
        compile_slots(circuit(12, 8, 3), ROWS[:0])
    monkeypatch.setattr(compiling, "DEGREES", compiling.DEGREES[:4])  # larger ones take long
    with pytest.raises(ModelUnsupported, match="no parameters compute this model") as caught:
        compile_slots(circuit(12, 8, 3), ROWS, tolerance=1e-14)
    assert "accept a larger error" in str(caught.value.fix) or "smaller model" in str(caught.value.fix)


def test_parameters_that_fail_under_encryption_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def tried(*_: object) -> float:
        seen.append(1)
        return 1.0 if len(seen) < 2 else 0.001

    monkeypatch.setattr(compiling, "tried", tried)
    assert compile_slots(circuit(12, 8, 3), ROWS, tolerance=0.02).error == 0.001
    assert len(seen) == 2


def test_one_layer_has_a_bound() -> None:
    made = compile_linear(circuit(12, 3), ROWS, tolerance=1e-3)
    assert made.error <= 1e-3
    assert made.program.chain.degree == 2048
    fine = compile_linear(circuit(12, 3), ROWS, tolerance=1e-9)
    assert fine.program.chain.degree > 2048
    assert fine.error <= 1e-9


def test_flooding_is_as_large_as_asked() -> None:
    made = compile_linear(circuit(12, 3), ROWS, tolerance=0.1, flood=0.2)
    layer = made.program.layer
    assert 2.0**layer.flooding_bits / np.sqrt(3) / layer.scale >= 0.02
    assert made.error <= 0.1
