"""Coefficient packing, the client's part: one row in the coefficients of one polynomial, answers at known coefficients.

The product of x0 + x1 X + ... and w(d-1) + w(d-2) X + ... + w0 X^(d-1) has the scalar product of x and w at X^(d-1).
Rows of weights lie one after the other, so that one product answers for several outputs: output i at X^(i d + d - 1).
Where a row has more numbers than a polynomial coefficients, it is spread over several, and their products are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.circuits import checked_rows
from casemate.controls.homomorphic.seeds import Coefficients
from casemate.core.errors import OutOfRange, ShapeMismatch

_SLACK = 1e-9


@dataclass(frozen=True)
class Geometry:
    """Where numbers and answers lie.

    Args:
        degree: of the polynomials.
        width: numbers of a row.
        outputs: answers for a row.
    """

    degree: int
    width: int
    outputs: int

    @cached_property
    def inputs(self) -> int:
        """Polynomials that a row takes."""
        return max(1, -(-self.width // self.degree))

    @cached_property
    def part(self) -> int:
        """Numbers in each of them."""
        return max(1, -(-self.width // self.inputs))

    @cached_property
    def together(self) -> int:
        """Outputs that one product answers for, at most."""
        return min(self.outputs, self.degree // self.part)

    @cached_property
    def groups(self) -> int:
        """Products that a row takes, and ciphertexts that a reply is made of."""
        return -(-self.outputs // self.together)

    @cached_property
    def group_of(self) -> np.ndarray:
        """In which product each answer lies, (outputs,) int64."""
        return np.arange(self.outputs) // self.together

    @cached_property
    def coefficient_of(self) -> np.ndarray:
        """At which coefficient each answer lies, (outputs,) int64."""
        return np.arange(self.outputs) % self.together * self.part + self.part - 1


@dataclass(frozen=True, eq=False)
class Whole:
    """From numbers to the whole ones that are encrypted, and from residues back to answers.

    Args:
        chain: degree and primes.
        centre: what is taken from every number, (width,) float64.
        half: how far a number may lie from it, (width,) float64.
        input_scale: what numbers are multiplied with.
        scale: what answers were multiplied with.
    """

    chain: Chain
    centre: np.ndarray
    half: np.ndarray
    input_scale: float
    scale: float

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return len(self.centre)

    def whole(self, values: np.ndarray, before: int = 0) -> np.ndarray:
        """Return rows (n, width) as whole numbers, int64.

        Args:
            values: the rows.
            before: how many rows came before, to tell which one is wrong.

        Raises:
            ShapeMismatch, NotFinite: rows that are none.
            OutOfRange: a number outside its range; its answer might wrap around the modulus.
        """
        values = np.asarray(values, np.float64)
        within = values.ndim == 2 and values.shape[1] == self.width
        shifted = values - self.centre if within else values
        if not (within and (np.abs(shifted) <= self.most).all()):
            checked_rows(values, self.width)
            row, number = np.argwhere(np.abs(shifted) > self.most)[0].tolist()
            low, high = self.centre[number] - self.half[number], self.centre[number] + self.half[number]
            raise OutOfRange(
                f"number {number} is {values[row, number]:g}, outside {low:g} to {high:g}",
                where=f"row {before + row + 1}",
                why="the program was made for that range; beyond it, its answer might silently be wrong",
            )
        shifted *= self.input_scale
        return np.asarray(np.rint(shifted, out=shifted).astype(np.int64))

    @cached_property
    def most(self) -> np.ndarray:
        """How far numbers may lie from the centre, with some room for rounding."""
        return np.asarray(self.half * (1 + _SLACK) + _SLACK / self.input_scale)

    def real(self, found: np.ndarray) -> np.ndarray:
        """Return answers of residues, (..., primes) uint64, as float64."""
        primes = self.chain.levels
        if len(primes) == 1:
            signed = found[..., 0].astype(np.int64)
            signed -= (signed > primes[0] // 2) * np.int64(primes[0])
            return np.asarray(signed / self.scale)
        modulus = 1
        for prime in primes:
            modulus *= prime
        total = np.zeros(found.shape[:-1], object)
        for index, prime in enumerate(primes):
            others = modulus // prime
            total = total + found[..., index].astype(object) * (others * pow(others, -1, prime))
        signed = (total + modulus // 2) % modulus - modulus // 2
        return np.asarray(signed / self.scale, np.float64)

    def to_plain(self) -> dict[str, Any]:
        """Return it as numbers, texts and lists."""
        return {
            "degree": self.chain.degree,
            "primes": [str(prime) for prime in self.chain.primes],
            "centre": self.centre.tolist(),
            "half": self.half.tolist(),
            "input_scale": self.input_scale,
            "scale": self.scale,
        }


@dataclass(frozen=True, eq=False)
class CoefficientPacking:
    """What a client knows of a `CoefficientProgram`.

    Args:
        numbers: how rows become whole numbers.
        outputs: answers for a row.
    """

    numbers: Whole
    outputs: int

    @cached_property
    def geometry(self) -> Geometry:
        """Where numbers and answers lie."""
        return Geometry(self.numbers.chain.degree, self.numbers.width, self.outputs)

    def pack(self, values: np.ndarray) -> list[Coefficients]:
        """Return what to encrypt for rows (n, width), one for each row.

        Raises:
            ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
        """
        whole, layout = self.numbers.whole(values), self.geometry
        packed = np.zeros((len(whole), layout.inputs, layout.degree), np.int64)
        for index in range(layout.inputs):
            part = whole[:, index * layout.part : (index + 1) * layout.part]
            packed[:, index, : part.shape[1]] = part
        return [Coefficients(each, self.numbers.input_scale) for each in packed]

    def zero(self) -> Coefficients:
        """Return what to encrypt for the public key: nothing."""
        return Coefficients(np.zeros((1, self.geometry.degree), np.int64), 1.0)

    @cached_property
    def at(self) -> np.ndarray:
        """The coefficients of every ciphertext of a reply where answers may lie, (together,) int64."""
        return self.geometry.coefficient_of[: self.geometry.together]

    def unpack(self, decrypted: np.ndarray) -> np.ndarray:
        """Return the scores, (n, outputs).

        Args:
            decrypted: the coefficients `at` of the ciphertexts of replies, (n x groups, primes, together) uint64.

        Raises:
            ShapeMismatch: another number of ciphertexts than replies have.
        """
        layout, primes = self.geometry, len(self.numbers.chain.levels)
        if decrypted.shape[1:] != (primes, layout.together) or len(decrypted) % layout.groups:
            raise ShapeMismatch(f"replies of shape {decrypted.shape}, where {layout.groups} ciphertexts make one")
        replies = decrypted.reshape(-1, layout.groups, primes, layout.together).swapaxes(2, 3)
        answers = replies.reshape(-1, layout.groups * layout.together, primes)
        return self.numbers.real(answers[:, : self.outputs])

    def to_plain(self) -> dict[str, Any]:
        """Return it as numbers, texts and lists."""
        return {**self.numbers.to_plain(), "outputs": self.outputs}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> CoefficientPacking:
        """Return what `to_plain` told; it comes from outside.

        Raises:
            OutOfRange, ShapeMismatch: what no packing says.
        """
        return cls(whole_from_plain(plain), checked_count(plain.get("outputs"), "outputs"))


def whole_from_plain(plain: Mapping[str, Any]) -> Whole:
    """Return what `Whole.to_plain` told; it comes from outside.

    Raises:
        OutOfRange, ShapeMismatch: what no packing says.
    """
    try:
        primes = tuple(int(prime) for prime in plain["primes"])
        chain = Chain("ckks", int(plain["degree"]), primes)
        centre, half = (np.array(plain[name], np.float64) for name in ("centre", "half"))
        scales = float(plain["input_scale"]), float(plain["scale"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ShapeMismatch(f"not a packing: {type(error).__name__} {error}") from error
    if centre.ndim != 1 or centre.shape != half.shape or not len(centre):
        raise ShapeMismatch(f"a packing with a centre of shape {centre.shape} and a half of shape {half.shape}")
    if not (np.isfinite([*centre, *half, *scales]).all() and (half >= 0).all() and min(scales) >= 1):
        raise OutOfRange("a packing with ranges or scales that are none")
    if not primes or min(primes) < 2 or float(half.max()) * scales[0] >= float(np.prod([float(p) for p in primes])):
        raise OutOfRange("a packing whose numbers do not fit its modulus")
    return Whole(chain, centre, half, *scales)


def checked_count(count: Any, name: str) -> int:
    """Return a count that came from outside.

    Raises:
        OutOfRange: it is no whole number from 1 to 2^20.
    """
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 1 << 20:
        raise OutOfRange(f"{name} of {count!r}", fix="a whole number from 1 to 1,048,576")
    return count
