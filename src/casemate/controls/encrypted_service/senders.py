"""Senders: what a client encrypts with for one program; each query brings along what opens its reply.

No server imports this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import Ciphertext
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.secret_keys import SecretKeys


@dataclass(frozen=True, eq=False)
class Sending:
    """Rows that were encrypted.

    Args:
        ciphertexts: what to send.
        opened: the scores of the rows, (n, outputs), of the ciphertexts of the reply; raises ReplyImplausible for what
            no model answers.
    """

    ciphertexts: Sequence[Ciphertext]
    opened: Callable[[Sequence[Residues]], np.ndarray]


class Sender(Protocol):
    """Encrypts rows for one program; any number of threads may use it."""

    def encrypt(self, rows: np.ndarray) -> Sending:
        """Return rows (n, features) encrypted.

        Raises:
            ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
        """
        ...


class RowProgram(Protocol):
    """A program whose rows are encrypted one by one, all under the same secret key."""

    def encrypt(self, rows: np.ndarray, secret: SecretKeys) -> Sequence[Ciphertext]:
        """Return the ciphertexts of rows (n, features): ``taken`` for each.

        Raises:
            ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
        """
        ...

    def decrypt(self, ciphertexts: Sequence[Residues], rows: int, secret: SecretKeys) -> np.ndarray:
        """Return the scores of rows, (n, outputs).

        Raises:
            ReplyImplausible: what no model answers.
        """
        ...


class RowSender:
    """Encrypts one row after the other under the secret key that a client keeps.

    Args:
        program: what for.
        secret: the key.
    """

    def __init__(self, program: RowProgram, secret: SecretKeys) -> None:
        self._program = program
        self._secret = secret

    def encrypt(self, rows: np.ndarray) -> Sending:
        """Return rows (n, features) encrypted; see `Sender.encrypt`."""
        ciphertexts = self._program.encrypt(rows, self._secret)
        return Sending(ciphertexts, partial(self._program.decrypt, rows=len(rows), secret=self._secret))
