"""Column packing, the client's part: many rows at a time, one polynomial for each number of a row.

Row r lies in coefficient r of every polynomial. A linear layer is then a sum of polynomials times whole numbers, and
answers come in coefficient r, too. One more polynomial encrypts zero, for the server to hide its weights with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.controls.homomorphic.coefficient_packing import Whole, checked_count, whole_from_plain
from casemate.controls.homomorphic.seeds import Coefficients
from casemate.core.errors import OutOfRange, ShapeMismatch

_ROWS = 64
"""Rows that are turned at a time; they stay in a processor's cache."""


@dataclass(frozen=True, eq=False)
class ColumnPacking:
    """What a client knows of a `ColumnProgram`.

    Args:
        numbers: how rows become whole numbers.
        outputs: answers for a row.
    """

    numbers: Whole
    outputs: int

    @property
    def columns(self) -> int:
        """Polynomials of a block of rows."""
        return self.numbers.width + 1

    def pack(self, values: np.ndarray) -> list[Coefficients]:
        """Return what to encrypt for rows (n, width): blocks of as many rows as polynomials have coefficients.

        Raises:
            ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
        """
        values, degree = np.asarray(values, np.float64), self.numbers.chain.degree
        return [self._block(values[start : start + degree]) for start in range(0, len(values), degree)]

    def unpack(self, decrypted: np.ndarray) -> np.ndarray:
        """Return the scores, (blocks x degree, outputs); those after the rows that were packed mean nothing.

        Args:
            decrypted: the ciphertexts of the replies by coefficients, (blocks x outputs, 1, degree) uint64.

        Raises:
            ShapeMismatch: another number of ciphertexts than replies have.
        """
        degree = self.numbers.chain.degree
        if decrypted.shape[1:] != (1, degree) or len(decrypted) % self.outputs:
            raise ShapeMismatch(f"replies of shape {decrypted.shape}, where {self.outputs} ciphertexts make one")
        answers = decrypted.reshape(-1, self.outputs, degree).swapaxes(1, 2).reshape(-1, self.outputs, 1)
        return self.numbers.real(answers)

    def to_plain(self) -> dict[str, Any]:
        """Return it as numbers, texts and lists."""
        return {**self.numbers.to_plain(), "outputs": self.outputs}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ColumnPacking:
        """Return what `to_plain` told; it comes from outside.

        Raises:
            OutOfRange, ShapeMismatch: what no packing says.
        """
        numbers = whole_from_plain(plain)
        if len(numbers.chain.primes) != 1:
            raise OutOfRange(f"columns modulo {len(numbers.chain.primes)} primes, where there is one")
        return cls(numbers, checked_count(plain.get("outputs"), "outputs"))

    def _block(self, rows: np.ndarray) -> Coefficients:
        packed = np.zeros((self.columns, self.numbers.chain.degree), np.int64)
        for start in range(0, len(rows), _ROWS):
            whole = self.numbers.whole(rows[start : start + _ROWS], start)
            packed[:-1, start : start + len(whole)] = whole.T
        return Coefficients(packed, self.numbers.input_scale)
