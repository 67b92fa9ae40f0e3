"""Masking: what a server adds to an encrypted answer, so that it tells the scores and nothing else.

Slots hold partial sums, from which a client could learn weights, whether a score is their sum or they lie beside it:
each gets a random number that is many times larger. The scores get noise, if the owner asks for it, which covers the
noise of encryption, since that depends on the weights. (It does not make scores safe to share, for it is in the
ciphertext that the server knows. Noise against that must be added after decryption; Li & Micciancio, EUROCRYPT 2021.)
And a fresh encryption of zero is added, so that the second polynomial is independent of what was computed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.slot_program import SlotPacking


@dataclass(frozen=True)
class Mask:
    """How much is added.

    Args:
        spread: the standard deviation of what is added to slots that hold no score, and to parts of one. It is normal:
            whoever has the same row answered again and again gets the mean of uniform numbers from the ends of their
            range after about as many answers as they are times larger than what they hide, and of these only after the
            square of that number.
        flood: the standard deviation of the noise that is added to the scores; 0 for none.
    """

    spread: float
    flood: float = 0.0


def uniform_numbers(count: int) -> np.ndarray:
    """Return numbers in [0, 1) from the operating system's randomness, (count,) float64 of 53 bits."""
    words = np.frombuffer(secrets.token_bytes(8 * count), np.uint64)
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)


def normal_numbers(count: int) -> np.ndarray:
    """Return standard normal numbers from the operating system's randomness, (count,) (Box & Muller, 1958)."""
    one, other = 1 - uniform_numbers(count), uniform_numbers(count)  # the first is above 0, so that it has a logarithm
    return np.asarray(np.sqrt(-2 * np.log(one)) * np.cos(2 * np.pi * other))


class CoverPool:
    """What covers answers of one program to one client, made ahead of requests; each cover is used once.

    A cover is a fresh encryption, under the client's public key, of the mask: random numbers in every slot, which
    cancel out in each score, and noise in the scores. What is seen of a score's parts follows from its sum, and from
    parts that were each masked by a number of its own: it tells no more than these would.

    Args:
        context: of the client's chain.
        public_key: SEAL's.
        packing: which slots hold scores, how many primes answers are modulo, and their scale.
        mask: how much is added.
    """

    def __init__(self, context: Context, public_key: Any, packing: SlotPacking, mask: Mask) -> None:
        self._encryptor = library().Encryptor(context.seal, public_key)
        self._context, self._packing, self._mask = context, packing, mask
        self._ready: list[Any] = []

    def __len__(self) -> int:
        """How many are ready."""
        return len(self._ready)

    def prepare(self, count: int) -> None:
        """Make covers ahead until ``count`` are ready."""
        while len(self._ready) < count:
            self._ready.append(self._fresh())

    def add_to(self, answer: Any) -> None:
        """Add one to an encrypted answer, SEAL's, in place."""
        try:
            cover = self._ready.pop()
        except IndexError:  # none is ready, or another thread took the last one
            cover = self._fresh()
        cover.scale(answer.scale())  # it differs from the packing's in its last digits
        self._context.evaluator.add_inplace(answer, cover)

    def _fresh(self) -> Any:
        context, packing = self._context, self._packing
        added = normal_numbers(context.chain.slots) * self._mask.spread
        added[packing.answers] -= added[packing.answers].mean(axis=1, keepdims=True)
        if self._mask.flood:
            added[packing.answers[:, 0]] += normal_numbers(len(packing.answers)) * self._mask.flood
        zero = self._encryptor.encrypt_zero(context.parms_id(packing.given))
        zero.scale(packing.scale)
        context.evaluator.add_plain_inplace(zero, context.encode(added, packing.scale, packing.given))
        return zero
