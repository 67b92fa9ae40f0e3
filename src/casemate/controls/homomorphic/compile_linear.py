"""Compiling one linear layer: the smallest chain whose answers err by no more than what is accepted, provably."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from casemate.controls.homomorphic.chain import Chain, ckks_chain
from casemate.controls.homomorphic.circuits import Circuit, Convolution, Linear, Scaled, Thermometer
from casemate.controls.homomorphic.coefficient_program import CoefficientProgram
from casemate.controls.homomorphic.compiling import RELATIVE
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.linear_scales import Ranges
from casemate.core.errors import EmptyData, ModelUnsupported, OutOfRange

CHAINS = ((2048, (51,)), (4096, (51, 51)), (8192, (51, 51, 51, 51)))
"""Degrees and primes that are tried, the cheapest first; where there are several, SEAL keeps the last one."""


@dataclass(frozen=True, eq=False)
class CompiledLinear:
    """A linear layer as a program.

    Args:
        program: what runs.
        linear: the layer, and as one more output the mean of all others, by which a client tells garbage from scores.
        ranges: of what is encrypted.
        tolerance: the accepted error of a score.
        error: what no score errs by more than, but for a probability of 2^-64.
        seconds: what it took to prepare the weights' polynomials; running takes less.
    """

    program: CoefficientProgram
    linear: Linear
    ranges: Ranges
    tolerance: float
    error: float
    seconds: float


def compile_linear(
    circuit: Circuit, rows: np.ndarray, *, tolerance: float | None = None, flood: float = 0.0
) -> CompiledLinear:
    """Return the cheapest program whose scores are within ``tolerance`` of the circuit's.

    Args:
        circuit: of one step, a linear one.
        rows: calibration rows, (n, features).
        tolerance: the accepted error of a score; by default one hundredth of the scores' standard deviation.
        flood: standard deviation of the noise added to each score, as a share of the tolerance.

    Raises:
        EmptyData: no rows.
        ModelUnsupported: no parameters suffice.
    """
    if not len(rows):
        raise EmptyData("no calibration rows", fix="give some hundred rows like those that will be asked")
    (step,) = circuit.steps
    linear = step.linear if isinstance(step, Convolution) else step
    assert isinstance(linear, Linear)
    linear = _checked(linear)
    tolerance = tolerance or RELATIVE * float(circuit.scores(rows).std()) or RELATIVE
    ranges, best = ranges_of(circuit), math.inf
    for degree, bits in CHAINS:
        start = time.process_time()
        try:
            program = _drowned(linear, ranges, ckks_chain(degree, bits), flood * tolerance)
        except OutOfRange:
            continue  # answers of this size need a larger modulus
        error = float(program.error.max())
        if error <= tolerance:
            return CompiledLinear(program, linear, ranges, tolerance, error, time.process_time() - start)
        best = min(best, error)
    raise ModelUnsupported(
        f"no parameters compute this layer within {tolerance:.2g}; the best is off by {best:.2g}",
        fix=f"accept a larger error (tolerance = {best * 2:.2g}), or scale the features",
    )


def _checked(linear: Linear) -> Linear:
    """The layer with the mean of its outputs as one more."""
    weights = np.vstack([linear.weights, linear.weights.mean(axis=0)])
    return Linear(weights, np.append(linear.bias, linear.bias.mean()))


def ranges_of(circuit: Circuit) -> Ranges:
    """Return what every number that is encrypted lies between."""
    preparation = circuit.preparation
    if isinstance(preparation, Scaled):
        ends = np.stack(
            [(end - preparation.shift) / preparation.divisor for end in (preparation.low, preparation.high)]
        )
        return Ranges(ends.min(axis=0), ends.max(axis=0))
    assert isinstance(preparation, Thermometer)
    return Ranges(np.zeros(preparation.width), np.ones(preparation.width))


def _drowned(linear: Linear, ranges: Ranges, chain: Chain, deviation: float) -> CoefficientProgram:
    """A program whose flooding noise, which is uniform, has at least this standard deviation; none where it is 0."""
    context, drowned = Context(chain), 0
    while True:
        program = CoefficientProgram(linear, ranges, context, drowned=drowned)
        noise = 2.0**program.layer.flooding_bits / math.sqrt(3) / program.layer.scale if drowned else 0.0
        if noise >= deviation:
            return program
        drowned += max(1, math.floor(math.log2(deviation / noise)) if noise else 1)
