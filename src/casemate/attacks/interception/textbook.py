"""A service on textbook ciphertexts: correct, and built to fall. Small rings, no seal, exact results told to all.

It encrypts a row in the coefficients of one polynomial, as the real service does for a linear model, with parameters
far too small to hide anything from somebody who tries, so that it is quick.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from casemate.attacks.interception.twin import Scorer, clear_system
from casemate.core.control import Control, Fitting
from casemate.core.errors import CasemateError
from casemate.core.model import Model
from casemate.core.system import System
from casemate.core.wire import Opened, Ring, Share, Wire

DEGREE = 64
PRIME = 68_719_476_731
"""2^36 - 5, a prime: products with weights of 12 bits, summed over the degree, fit into 64 bits."""

_ROW, _WEIGHT = 1 << 12, 1 << 10


def unsealed_system() -> System:
    """A system whose server computes on raw ciphertexts, and takes whatever has their length."""
    return clear_system().with_(Textbook())


def talkative_system() -> System:
    """A system on ciphertexts whose clients tell the scores that they decrypted, to the last digit."""
    return clear_system().with_(Textbook(share="scores"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Textbook(Control):
    """Put the service in place of rows in the clear; no control of a real system.

    Args:
        share: what clients tell others of their answers.
    """

    id: ClassVar[str] = "twin.textbook"
    mitigates: ClassVar[tuple[str, ...]] = ()
    limit: ClassVar[str] = "anything"
    module: ClassVar[str] = __name__
    hooks: ClassVar[tuple[str, ...]] = ("calibrate", "on_wire")

    share: Share = "never"
    made: Any = field(default=None, kw_only=True, repr=False, metadata={"learned": True})

    def calibrate(self, model: Model, fitting: Fitting) -> Textbook:
        """Return it with the service."""
        assert isinstance(model, Scorer)
        return replace(self, made=TextbookWire(model.weights, fitting.seed, self.share))

    def on_wire(self, wire: Wire) -> Wire:
        """Return the service."""
        made: Wire = self.made
        return made


class TextbookWire:
    """A client and a server; a `casemate.core.wire.Wire`.

    Args:
        weights: of a `Scorer`, (d,) with d at most `DEGREE`.
        seed: of all keys and errors.
        share: what clients tell others.
    """

    encrypted = True
    key_bytes = 0

    def __init__(self, weights: np.ndarray, seed: int, share: Share = "never") -> None:
        self._weights, self._seed = weights, seed
        self.share: Share = share
        self._rng = np.random.default_rng(seed)
        self._key = self._rng.integers(-1, 2, DEGREE)
        self._program = np.zeros(DEGREE, np.int64)
        self._program[: len(weights)] = np.rint(weights * _WEIGHT)[::-1]
        self._bias = -int(np.rint(weights.sum() / 2 * _ROW * _WEIGHT))

    @property
    def ring(self) -> Ring:
        """Where the score lies."""
        at = np.array([len(self._weights) - 1])
        return Ring(DEGREE, PRIME, _ROW * _WEIGHT, np.zeros(1, np.int64), at, 1e-3)

    def ask(self, X: np.ndarray) -> list[bytes]:
        """Return ciphertexts of rows."""
        return [self._encrypted(row) for row in X]

    def answer(self, message: bytes) -> bytes | None:
        """Return the score's ciphertext, of whatever has the length of one."""
        if len(message) != 16 * DEGREE:
            return None
        pair = np.frombuffer(message, "<u8").reshape(2, DEGREE) % np.uint64(PRIME)
        c0, c1 = (times(part, self._program, PRIME) for part in pair.astype(np.int64))
        c0[self.ring.places] += self._bias
        return np.stack([c0 % PRIME, c1]).astype("<u8").tobytes()

    def read(self, message: bytes, reply: bytes) -> Opened | None:
        """Return the score that a reply decrypts to, whatever it is."""
        if len(reply) != 16 * DEGREE:
            return None
        c0, c1 = self.polynomials(reply)[0] % PRIME
        found = (c0 + times(c1, self._key, PRIME)) % PRIME
        signed = found[self.ring.places] - (found[self.ring.places] > PRIME // 2) * PRIME
        numbers = signed / self.ring.scale
        high = 1 / (1 + np.exp(-np.clip(numbers[0], -500, 500)))
        told = numbers if self.share == "scores" else None
        return Opened(numbers, np.array([1 - high, high]), told)

    def polynomials(self, reply: bytes) -> np.ndarray:
        """Return the ciphertext of a reply, (1, 2, degree)."""
        if len(reply) != 16 * DEGREE:
            raise CasemateError(f"a reply of {len(reply)} bytes")
        return (np.frombuffer(reply, "<u8") % np.uint64(PRIME)).astype(np.int64).reshape(1, 2, DEGREE)

    def stranger(self) -> TextbookWire:
        """Return the service with other keys."""
        return TextbookWire(self._weights, self._seed + 1, self.share)

    def _encrypted(self, row: np.ndarray) -> bytes:
        numbers = np.zeros(DEGREE, np.int64)
        numbers[: len(row)] = np.rint(row * _ROW)
        c1, error = self._rng.integers(0, PRIME, DEGREE), np.rint(3.2 * self._rng.standard_normal(DEGREE))
        c0 = (numbers + error.astype(np.int64) - times(c1, self._key, PRIME)) % PRIME
        return np.stack([c0, c1]).astype("<u8").tobytes()


def times(polynomial: np.ndarray, small: np.ndarray, prime: int) -> np.ndarray:
    """Return a product modulo X^degree + 1 and a prime, (degree,) int64.

    Args:
        polynomial: (degree,) int64 in [0, prime).
        small: (degree,) int64; the sum of its sizes times the prime is below 2^63.
        prime: the modulus.
    """
    degree = len(polynomial)
    full = np.zeros(2 * degree, np.int64)
    for power, factor in enumerate(small.tolist()):
        if factor:
            full[power : power + degree] += factor * polynomial
    return np.asarray((full[:degree] - full[degree:]) % prime)
