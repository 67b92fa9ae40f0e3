"""Wire: how rows travel from clients to the server that runs a model, and answers back; all that the server holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from casemate.core import outcomes
from casemate.core.errors import CasemateError, EncryptedError
from casemate.core.request import FreshMemory, Prediction, Request

Share = Literal["never", "labels", "scores"]
"""What clients tell others, the server among them, of answers that they have read."""


@dataclass(frozen=True, eq=False)
class Ring:
    """How numbers are read from encrypted answers: polynomials modulo X^degree + 1 and a prime.

    Whoever knows the secret polynomial s reads number j of the pair (c0, c1) at coefficient ``places[j]`` of c0 + c1 s,
    taken between minus and plus half of the prime, and divided by the scale. All of this is public.

    Args:
        degree: of the polynomials, a power of two.
        prime: below 2^52.
        scale: what numbers were multiplied with.
        pairs: in which pair of an answer each number lies, (k,) int64.
        places: at which coefficient, (k,) int64.
        error: what a number errs by, at most.
    """

    degree: int
    prime: int
    scale: float
    pairs: np.ndarray
    places: np.ndarray
    error: float


@dataclass(frozen=True, eq=False)
class Opened:
    """What a client reads in a reply.

    Args:
        numbers: as they were decrypted, (k,) float64.
        scores: the probability of each class, (classes,).
        told: what it tells others, by the owner's policy: numbers (k,), or the label (1,); None for nothing.
    """

    numbers: np.ndarray
    scores: np.ndarray
    told: np.ndarray | None = None


class Wire(Protocol):
    """How rows travel. A message asks about one row."""

    @property
    def encrypted(self) -> bool:
        """Whether the server computes on what it cannot read."""
        ...

    @property
    def key_bytes(self) -> int:
        """Bytes of keys that a client sends once."""
        ...

    @property
    def share(self) -> Share:
        """What clients tell others of the answers that they have read."""
        ...

    @property
    def ring(self) -> Ring | None:
        """How numbers are read from answers; None where they are no such polynomials, or too long for float64."""
        ...

    def ask(self, X: np.ndarray) -> list[bytes]:
        """Return an honest client's messages about rows (n, d), one each; ``b""`` about a row that it refuses."""
        ...

    def answer(self, message: bytes) -> bytes | None:
        """Return the server's reply to whatever came; None where it refuses."""
        ...

    def read(self, message: bytes, reply: bytes) -> Opened | None:
        """Return what the client who sent a message reads in a reply; None where it refuses, or has read it before."""
        ...

    def polynomials(self, reply: bytes) -> np.ndarray:
        """Return the pairs of an encrypted answer by coefficients, (pairs, 2, degree) int64 in [0, prime).

        Raises:
            EncryptedError: there is no `ring`.
        """
        ...

    def stranger(self) -> Wire:
        """Return the same service at another place, with keys of its own on both sides."""
        ...


@dataclass(frozen=True, eq=False)
class ClearWire:
    """The wire of a system that encrypts nothing: rows and answers as they are, eight bytes for each number.

    Whatever has the length of a row is one. (It may run within TLS, which ends where the server begins.)

    Args:
        ask_guard: answers a request.
        features: numbers of a row.
        classes: numbers of an answer.
    """

    ask_guard: Callable[[Request], Prediction]
    features: int
    classes: int
    encrypted: bool = False
    key_bytes: int = 0
    share: Share = "never"
    ring: Ring | None = None

    def ask(self, X: np.ndarray) -> list[bytes]:
        """Return the rows' own bytes."""
        return [row.tobytes() for row in np.ascontiguousarray(X, "<f8")]

    def answer(self, message: bytes) -> bytes | None:
        """Return the scores; None for what is no row, or where the Guard refuses it or the model fails on it."""
        if len(message) != 8 * self.features:
            return None
        row = np.frombuffer(message, "<f8").reshape(1, -1)
        if not np.isfinite(row).all():
            return None
        try:
            with np.errstate(all="ignore"):  # altered bytes are numbers of any size
                reply = self.ask_guard(Request(row, client="measured", memory=FreshMemory()))
        except CasemateError:
            return None
        return None if reply.refused[0] else outcomes.scores_as_given(reply, self.classes)[0].astype("<f8").tobytes()

    def read(self, message: bytes, reply: bytes) -> Opened | None:
        """Return the scores; None for what is no answer."""
        scores = np.frombuffer(reply, "<f8") if len(reply) == 8 * self.classes else np.empty(0)
        return Opened(scores, scores) if len(scores) and np.isfinite(scores).all() else None

    def polynomials(self, reply: bytes) -> np.ndarray:
        """Raise EncryptedError: nothing is encrypted."""
        raise EncryptedError("answers are not encrypted, and so are no polynomials")

    def stranger(self) -> ClearWire:
        """Return the same: there are no keys that could differ."""
        return self
