"""Masking: what a server adds to an encrypted answer, so that it tells the scores and nothing else.

Slots beside the scores hold partial sums, from which a client could learn weights: each gets a random number that is
many times larger. The scores get noise, if the owner asks for it, which covers the noise of encryption, since that
depends on the weights. (It does not make scores safe to share, for it is in the ciphertext that the server knows. Noise
against that must be added after decryption; Li & Micciancio, EUROCRYPT 2021.) And a fresh encryption of zero is added,
so that the second polynomial is independent of what was computed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.library import library


@dataclass(frozen=True)
class Mask:
    """How much is added.

    Args:
        spread: the largest size of what is added to slots that hold no score.
        flood: the standard deviation of the noise that is added to the scores; 0 for none.
    """

    spread: float
    flood: float = 0.0


def masked(answer: Any, answers: np.ndarray, primes: int, mask: Mask, context: Context) -> None:
    """Add random numbers to an encrypted answer, in place.

    Args:
        answer: SEAL's ciphertext.
        answers: the slots of the scores, (outputs,).
        primes: how many primes it is modulo.
        mask: how much.
        context: of its chain.
    """
    slots = context.chain.slots
    added = (uniform_numbers(slots) * 2 - 1) * mask.spread
    added[answers] = normal_numbers(len(answers)) * mask.flood if mask.flood else 0.0
    plain = context.encode(added, float(answer.scale()), primes)
    context.evaluator.add_plain_inplace(answer, plain)


def uniform_numbers(count: int) -> np.ndarray:
    """Return numbers in [0, 1) from the operating system's randomness, (count,) float64 of 53 bits."""
    words = np.frombuffer(secrets.token_bytes(8 * count), np.uint64)
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)


def normal_numbers(count: int) -> np.ndarray:
    """Return standard normal numbers from the operating system's randomness, (count,) (Box & Muller, 1958)."""
    one, other = 1 - uniform_numbers(count), uniform_numbers(count)  # the first is above 0, so that it has a logarithm
    return np.asarray(np.sqrt(-2 * np.log(one)) * np.cos(2 * np.pi * other))


class ZeroPool:
    """Fresh encryptions of zero under one client's public key, made ahead of requests; each is used once.

    Args:
        context: of the client's chain.
        public_key: SEAL's.
        primes: how many primes they are modulo.
    """

    def __init__(self, context: Context, public_key: Any, primes: int) -> None:
        self._encryptor = library().Encryptor(context.seal, public_key)
        self._context, self._primes = context, primes
        self._ready: list[Any] = []

    def prepare(self, count: int) -> None:
        """Make encryptions ahead until ``count`` are ready."""
        while len(self._ready) < count:
            self._ready.append(self._fresh())

    def add_to(self, answer: Any) -> None:
        """Add one to a ciphertext, in place."""
        try:
            zero = self._ready.pop()
        except IndexError:  # none is ready, or another thread took the last one
            zero = self._fresh()
        zero.scale(answer.scale())
        self._context.evaluator.add_inplace(answer, zero)

    def _fresh(self) -> Any:
        return self._encryptor.encrypt_zero(self._context.parms_id(self._primes))
