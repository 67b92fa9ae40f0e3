"""Column secrets: a client's seed, which it keeps, and its secret keys, each of which encrypts one block of rows.

Where many secrets share their uniform halves, each block is as safe as with halves of its own (Peikert, Vaikuntanathan
& Waters, CRYPTO 2008, section 7.2; Henzinger et al., USENIX Security 2023): whoever told blocks apart from noise would
tell one of them. What is never done is to encrypt twice with one seed and one secret. No server imports this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from casemate.controls.homomorphic.coefficient_encryption import hidden
from casemate.controls.homomorphic.residues import Residues, ciphertext_of
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.controls.homomorphic.seeds import Coefficients, Seeded, new_seed, uniform
from casemate.controls.homomorphic.transforms import AT_ONCE, padded
from casemate.core.errors import LevelMismatch, ShapeMismatch

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context


@dataclass(frozen=True, eq=False)
class ColumnBatch:
    """Blocks of rows that were encrypted, and the keys that open their replies.

    Args:
        queries: what to send.
        keys: one for each block.
    """

    queries: list[Seeded]
    keys: Sequence[SecretKeys]

    def decrypt(self, replies: Sequence[Residues]) -> np.ndarray:
        """Return what replies hold, by coefficients, (blocks x outputs, 1, degree) uint64.

        Args:
            replies: as many ciphertexts for each block.

        Raises:
            LevelMismatch: another number of ciphertexts, or ciphertexts of another form.
        """
        each, rest = divmod(len(replies), len(self.keys))
        if rest or not each:
            raise LevelMismatch(f"{len(replies)} ciphertexts for {len(self.keys)} blocks")
        parts = [key.decrypt_coefficients(replies[i * each : (i + 1) * each]) for i, key in enumerate(self.keys)]
        return np.concatenate(parts)


class ColumnSecrets:
    """A seed for all blocks of a client; secret keys are drawn for each block, and forgotten with its reply.

    Args:
        context: of the chain, with one prime.
        columns: polynomials of a block.
    """

    def __init__(self, context: Context, columns: int) -> None:
        self.seed = new_seed()
        self._context = context
        self._columns = columns
        tails = uniform(self.seed, context.chain.levels, context.chain.degree, columns)
        self._tails: list[Any] = [
            ciphertext_of(Residues(padded(tails[start : start + AT_ONCE]), 1.0), context)
            for start in range(0, columns, AT_ONCE)
        ]

    def encrypt(self, blocks: Sequence[Coefficients]) -> ColumnBatch:
        """Return blocks encrypted, each with a secret key of its own.

        Args:
            blocks: (columns, degree) each, of numbers that are at most half the prime in size.

        Raises:
            ShapeMismatch: another number of columns.
        """
        keys = [SecretKeys.generate(self._context) for _ in blocks]
        return ColumnBatch([self._encrypted(block, key) for block, key in zip(blocks, keys, strict=True)], keys)

    def _encrypted(self, block: Coefficients, key: SecretKeys) -> Seeded:
        chain = self._context.chain
        if block.values.shape != (self._columns, chain.degree):
            raise ShapeMismatch(f"a block of shape {block.values.shape}, where {self._columns} columns are expected")
        heads = np.empty((self._columns, 1, chain.degree), np.uint64)
        for tails, start in zip(self._tails, range(0, self._columns, AT_ONCE), strict=True):
            part = slice(start, min(start + AT_ONCE, self._columns))
            products = key.times_ciphertext(tails)[: part.stop - start]
            hidden(products, block.values[part], chain.levels, heads[part])
        return Seeded(self.seed, heads, block.scale, transformed=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("column secrets do not travel to another process")
