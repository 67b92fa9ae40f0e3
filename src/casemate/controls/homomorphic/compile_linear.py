"""Compiling one linear layer, for a row or many at a time: the smallest chain that errs by no more than allowed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.circuits import Circuit, Convolution, Linear, Scaled, Thermometer
from casemate.controls.homomorphic.coefficient_program import CoefficientProgram
from casemate.controls.homomorphic.column_program import PRIME_BITS, ColumnProgram
from casemate.controls.homomorphic.compiling import RELATIVE
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.linear_scales import Ranges
from casemate.controls.homomorphic.seeds import new_seed, uniform
from casemate.core.errors import EmptyData, ModelUnsupported, OutOfRange

CHAINS = ((2048, (51,)), (4096, (45, 45, 16)), (8192, (51, 51, 51, 51)))
"""Degrees and primes that are tried, the cheapest first; where there are several, SEAL keeps the last one to itself."""

COLUMN_DEGREE = 2048
"""Degree of what answers for many rows at a time, which is how many rows that are."""

P = TypeVar("P", CoefficientProgram, ColumnProgram)


@dataclass(frozen=True, eq=False)
class CompiledLinear(Generic[P]):
    """A linear layer as a program.

    Args:
        program: what runs.
        linear: the layer, and as one more output the mean of all others, by which a client tells garbage from scores.
        ranges: of what is encrypted.
        tolerance: the accepted error of a score.
        error: what no score errs by more than, but for a probability of 2^-64.
        seconds: what one run takes at most, of this thread's CPU time.
    """

    program: P
    linear: Linear
    ranges: Ranges
    tolerance: float
    error: float
    seconds: float


def compile_linear(
    circuit: Circuit, rows: np.ndarray, *, tolerance: float | None = None, flood: float = 0.0
) -> CompiledLinear[CoefficientProgram]:
    """Return the cheapest program for one row at a time whose scores are within ``tolerance`` of the circuit's.

    Args:
        circuit: of one step, a linear one.
        rows: calibration rows, (n, features).
        tolerance: the accepted error of a score; by default one hundredth of the scores' standard deviation.
        flood: standard deviation of the noise added to each score, as a share of the tolerance.

    Raises:
        EmptyData: no rows.
        ModelUnsupported: no parameters suffice.
    """
    linear, ranges = _layer(circuit), ranges_of(circuit)
    tried = (partial(_coefficients, linear, ranges, Context(ckks_chain(*chain))) for chain in CHAINS)
    return _cheapest(tried, linear, ranges, _tolerance(circuit, rows, tolerance), flood)


def compile_columns(
    circuit: Circuit, rows: np.ndarray, *, tolerance: float | None = None, flood: float = 0.0
) -> CompiledLinear[ColumnProgram]:
    """Return the cheapest program for many rows at a time; see `compile_linear`.

    Raises:
        EmptyData: no rows.
        ModelUnsupported: no parameters suffice.
    """
    linear, ranges = _layer(circuit), ranges_of(circuit)
    chains = ((limbs, ckks_chain(COLUMN_DEGREE, (bits,))) for limbs, bits in PRIME_BITS.items())
    tried = (partial(_columns, linear, ranges, Context(chain), limbs) for limbs, chain in chains)
    made = _cheapest(tried, linear, ranges, _tolerance(circuit, rows, tolerance), flood)
    return replace(made, seconds=_seconds(made.program))


def _seconds(program: ColumnProgram) -> float:
    """What a block takes when nothing is prepared: its two halves times the weights."""
    halves = uniform(new_seed(), program.chain.levels, program.chain.degree, program.public.columns)
    start = time.thread_time()
    program.product(halves)
    return 2 * (time.thread_time() - start)


def _coefficients(linear: Linear, ranges: Ranges, context: Context, drowned: int) -> CoefficientProgram:
    return CoefficientProgram(linear, ranges, context, drowned=drowned)


def _columns(linear: Linear, ranges: Ranges, context: Context, limbs: int, drowned: int) -> ColumnProgram:
    return ColumnProgram(linear, ranges, context, drowned=drowned, limbs=limbs)


def _cheapest(
    tried: Iterable[Callable[[int], P]], linear: Linear, ranges: Ranges, tolerance: float, flood: float
) -> CompiledLinear[P]:
    """The first program that is precise enough, of makers that are given by how many bits flooding exceeds errors."""
    best = math.inf
    for made in tried:
        start = time.thread_time()
        try:
            program = _drowned(made, flood * tolerance)
        except OutOfRange:
            continue  # answers of this size need a larger modulus
        error = float(program.error.max())
        if error <= tolerance:
            return CompiledLinear(program, linear, ranges, tolerance, error, time.thread_time() - start)
        best = min(best, error)
    raise ModelUnsupported(
        f"no parameters compute this layer within {tolerance:.2g}; the best is off by {best:.2g}",
        fix=f"accept a larger error (tolerance = {best * 2:.2g}), or scale the features",
    )


def _tolerance(circuit: Circuit, rows: np.ndarray, wanted: float | None) -> float:
    if not len(rows):
        raise EmptyData("no calibration rows", fix="give some hundred rows like those that will be asked")
    return wanted or RELATIVE * float(circuit.scores(rows).std()) or RELATIVE


def _layer(circuit: Circuit) -> Linear:
    """The one step of a circuit, with the mean of its outputs as one more."""
    (step,) = circuit.steps
    linear = step.linear if isinstance(step, Convolution) else step
    assert isinstance(linear, Linear)
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


def _drowned(made: Callable[[int], P], deviation: float) -> P:
    """A program whose flooding noise, which is uniform, has at least this standard deviation; none where it is 0."""
    drowned = 0
    while True:
        program = made(drowned)
        noise = 2.0**program.layer.flooding_bits / math.sqrt(3) / program.layer.scale if drowned else 0.0
        if noise >= deviation:
            return program
        drowned += max(1, math.floor(math.log2(deviation / noise)) if noise else 1)
