"""The client's side: its numbers as steps within bounds, encrypted under the joint key, and signed.

What this does not stop: a client can lie within its bounds, and it can encrypt what is no proper contribution at all.
That a ciphertext holds numbers within bounds can be proved only with zero-knowledge proofs, which are not built here.
The first moves a figure by at most what the plan lets one client move it. The second spoils the total, which is found
out when it is decrypted; what else it can do is told in decision 12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from casemate.controls.encrypted_aggregation import messages, residue_arrays
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.joint_key import JointKey
from casemate.controls.encrypted_aggregation.messages import Kind
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import residues_of
from casemate.core.errors import NotEnrolled, ShapeMismatch, did_you_mean


class Contributor:
    """One client of an aggregation.

    Args:
        key: the joint key, with its plan.
        identity: who the client is.

    Raises:
        NotEnrolled: the plan does not name it, or with another public key.
    """

    def __init__(self, key: JointKey, identity: Identity) -> None:
        plan = key.plan
        if plan.contributors.get(identity.name) != identity.public:
            raise NotEnrolled(
                f"the plan does not name {identity.name} with this identity."
                f"{did_you_mean(identity.name, plan.contributors)}",
                why="nobody would accept its contribution",
                fix="have the client's public key put into the plan",
            )
        self.plan = plan
        self._key, self._identity = key, identity
        self._encryptor = library().Encryptor(plan.context.seal, key.seal)

    def numbers(self, table: Mapping[str, Any]) -> list[np.ndarray]:
        """Return what the client contributes in the clear: an int64 array for each of the plan's fields.

        Args:
            table: columns by name, or a data frame; one value per row and question, or ``length`` of them. A missing
                value (NaN, None) counts for nothing.

        Raises:
            DataError: a column is absent, or holds what the plan does not allow.
        """
        columns, rows = _columns(table, self.plan.rows, {one.column: one.length for one in self.plan.questions})
        return [part for question in self.plan.questions for part in question.contribution(columns, rows)]

    def encrypt(self, table: Mapping[str, Any]) -> bytes:
        """Return the client's contribution; see `numbers`. Encrypt once: the server takes only the first.

        Raises:
            DataError: see `numbers`.
        """
        plan = self.plan
        numbers = self.numbers(table)
        above = [part - fields.lowest for part, fields in zip(numbers, plan.fields, strict=True)]
        slots = np.zeros(plan.ciphertexts * plan.degree, np.uint64)
        slots[: plan.layout.slots] = plan.layout.packed(above)
        parts = []
        for values in slots.reshape(plan.ciphertexts, plan.degree):
            encrypted = residues_of(self._encryptor.encrypt(plan.context.batcher.encode(values)))
            parts.append(residue_arrays.packed(encrypted.values, plan.residue_bytes))
        return messages.signed(Kind.CONTRIBUTION, plan.digest, self._key.fingerprint, self._identity, b"".join(parts))


def _columns(table: Mapping[str, Any], most: int, lengths: Mapping[str, int]) -> tuple[dict[str, np.ndarray], int]:
    """The columns as arrays, and how many rows there are."""
    names = list(getattr(table, "columns", table))
    columns = {name: np.atleast_1d(_array(table[name], name)) for name in names}
    rows = {1 if lengths.get(name, 1) > 1 and one.ndim == 1 else len(one) for name, one in columns.items()}
    if len(rows) != 1 or max(rows) > most:
        raise ShapeMismatch(
            f"columns of {', '.join(map(str, sorted(rows))) or 'no'} rows, where all have the same number, "
            f"at most {most}",
            why="how far a client can move the total follows from how many rows it may have",
            fix="leave rows out, or ask for a plan with more rows per client",
        )
    return columns, rows.pop()


def _array(column: Any, name: str) -> np.ndarray:
    """A column as an array; a data frame's own way first, which tells missing values."""
    convert = getattr(column, "to_numpy", None)
    try:
        return np.asarray(convert() if convert else column)
    except ValueError:
        raise ShapeMismatch(
            f"column {name!r} holds vectors of unlike lengths", fix="give all the same length"
        ) from None
