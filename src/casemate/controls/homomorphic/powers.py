"""Powers: polynomials of ciphertexts, with as few products after each other as their degree allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.controls.homomorphic.context import Context

CONSTANT_BITS = 30
"""Bits with which the coefficients of a general polynomial are encoded, at least."""

NOTHING = 2.0**-24
"""The size below which a coefficient is left out: it would be encoded as 0, and SEAL makes no ciphertext of that."""


@dataclass(frozen=True, eq=False)
class Slots:
    """A ciphertext and what is known of it.

    Args:
        ciphertext: SEAL's.
        primes: how many primes it is modulo.
    """

    ciphertext: Any
    primes: int

    @property
    def scale(self) -> float:
        """What its numbers are multiplied with."""
        return float(self.ciphertext.scale())


def drops(coefficients: np.ndarray) -> int:
    """Return how many primes a polynomial costs."""
    match shape_of(coefficients):
        case "square":
            return 1
        case "cube" | "fourth power":
            return 2
    return int(np.ceil(np.log2(len(coefficients) - 1))) + 1


def shape_of(coefficients: np.ndarray) -> str:
    """Return which way a polynomial is computed: ascending coefficients."""
    degree, monic = len(coefficients) - 1, coefficients[-1] == 1
    if degree == 2 and monic and not coefficients[:2].any():
        return "square"
    if degree == 3 and monic and coefficients[2] == 0:
        return "cube"
    if degree == 4 and monic and coefficients[3] == 0:
        return "fourth power"
    return "general"


def evaluated(coefficients: np.ndarray, x: Slots, context: Context, relinearise: Any) -> Slots:
    """Return the polynomial of every slot.

    Args:
        coefficients: ascending, (degree + 1,) float64, degree at least 2.
        x: the slots; its modulus has `drops` primes more than the outcome's.
        relinearise: SEAL's keys for it.
    """
    match shape_of(coefficients):
        case "square":
            return rescaled(_product(x, x, context, relinearise), context)
        case "cube":
            square = rescaled(_product(x, x, context, relinearise), context)
            cube = _product(
                _plus(square, coefficients[1], context), _down(x, square.primes, context), context, relinearise
            )
            return _plus(rescaled(cube, context), coefficients[0], context)
        case "fourth power":
            square = rescaled(_product(x, x, context, relinearise), context)
            total = _product(square, square, context, relinearise)
            low = _down(x, square.primes, context)
            for term, coefficient in ((square, coefficients[2]), (low, coefficients[1])):
                if abs(coefficient) > NOTHING:
                    context.evaluator.add_inplace(
                        total.ciphertext, _times(term, coefficient, total.scale, context).ciphertext
                    )
            return _plus(rescaled(total, context), coefficients[0], context)
    return _general(coefficients, x, context, relinearise)


def _general(coefficients: np.ndarray, x: Slots, context: Context, relinearise: Any) -> Slots:
    """Sum up multiples of powers; each power is the product of two that are half as high."""
    powers = {1: x}
    for k in range(2, len(coefficients)):
        half, rest = k - k // 2, k // 2
        primes = min(powers[half].primes, powers[rest].primes)
        one, other = _down(powers[half], primes, context), _down(powers[rest], primes, context)
        powers[k] = rescaled(_product(one, other, context, relinearise), context)
    lowest = min(power.primes for power in powers.values())
    scale = max(power.scale for power in powers.values()) * 2.0**CONSTANT_BITS
    total: Slots | None = None
    for k, power in powers.items():
        if abs(coefficients[k]) > NOTHING:
            term = _times(_down(power, lowest, context), coefficients[k], scale, context)
            if total is not None:
                context.evaluator.add_inplace(term.ciphertext, total.ciphertext)
            total = term
    assert total is not None
    return _plus(rescaled(total, context), coefficients[0], context)


def _product(one: Slots, other: Slots, context: Context, relinearise: Any) -> Slots:
    evaluator = context.evaluator
    same = one is other
    made = evaluator.square(one.ciphertext) if same else evaluator.multiply(one.ciphertext, other.ciphertext)
    evaluator.relinearize_inplace(made, relinearise)
    return Slots(made, one.primes)


def _times(x: Slots, number: float, scale: float, context: Context) -> Slots:
    """A multiple whose scale is exactly the one that is asked for."""
    plain = context.encode_constant(float(number), scale / x.scale, x.primes)
    made = context.evaluator.multiply_plain(x.ciphertext, plain)
    made.scale(scale)  # the product of the two, up to rounding
    return Slots(made, x.primes)


def _plus(x: Slots, number: float, context: Context) -> Slots:
    if number:
        context.evaluator.add_plain_inplace(x.ciphertext, context.encode_constant(float(number), x.scale, x.primes))
    return x


def rescaled(x: Slots, context: Context) -> Slots:
    """Return the slots with the last prime divided out, in place."""
    context.evaluator.rescale_to_next_inplace(x.ciphertext)
    return Slots(x.ciphertext, x.primes - 1)


def _down(x: Slots, primes: int, context: Context) -> Slots:
    if x.primes == primes:
        return x
    return Slots(context.evaluator.mod_switch_to(x.ciphertext, context.parms_id(primes)), primes)
