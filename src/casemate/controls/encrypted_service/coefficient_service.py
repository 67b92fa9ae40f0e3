"""Coefficient programs as they are served: one linear layer on one row, without evaluation keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import Ciphertext, Form
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm
from casemate.controls.encrypted_service.linear_service import LinearService, PublicLinear
from casemate.controls.encrypted_service.programs import Terms
from casemate.controls.homomorphic.coefficient_packing import CoefficientPacking
from casemate.controls.homomorphic.coefficient_program import CoefficientProgram, Rerandomiser
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.seeds import Seeded, following

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.senders import RowSender
    from casemate.controls.homomorphic.secret_keys import SecretKeys

AHEAD = 16
"""Requests for which zeros are kept encrypted, for each client."""


@dataclass(frozen=True, eq=False)
class PublicCoefficients(PublicLinear[CoefficientPacking]):
    """What clients know of a coefficient program; see `PublicLinear`."""

    KIND = "coefficients"
    PACKING = CoefficientPacking

    @cached_property
    def terms(self) -> Terms:
        """What its messages look like."""
        chain, layout, numbers = self.chain, self.packing.geometry, self.packing.numbers
        level = len(chain.levels)
        query = Form(chain, level, numbers.input_scale, seeded=True, transformed=False, together=layout.inputs)
        reply = Form(chain, level, numbers.scale, transformed=False, kept=tuple(self.packing.at.tolist()))
        return Terms(query, reply, given=layout.groups, keys=KeyForm(chain, encrypt=True, seeded=True))

    def sender(self, secret: SecretKeys) -> RowSender:
        """Return what encrypts rows under a client's secret key."""
        from casemate.controls.encrypted_service.senders import RowSender

        return RowSender(self, secret)

    def public_keys(self, secret: SecretKeys) -> Mapping[str, bytes | Seeded]:
        """Return the key that the server encrypts zeros with, made anew each time."""
        return {"public": secret.encrypt_coefficients(self.packing.zero())}

    def encrypt(self, rows: np.ndarray, secret: SecretKeys) -> list[Ciphertext]:
        """Return the ciphertexts of rows (n, features), one for each.

        Raises:
            ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
        """
        return [secret.encrypt_coefficients(one) for one in self.packing.pack(self.preparation(rows))]

    def decrypt(self, ciphertexts: Sequence[Residues], rows: int, secret: SecretKeys) -> np.ndarray:
        """Return the scores of rows, (n, outputs).

        Raises:
            ReplyImplausible: what no model answers.
        """
        found = self.packing.unpack(secret.decrypt_coefficients(ciphertexts, self.packing.at))
        return self.believed(found[:rows])


class CoefficientService(LinearService[CoefficientPacking, CoefficientProgram]):
    """A linear layer with its weights, as a server holds it; see `LinearService`."""

    PUBLIC = PublicCoefficients
    PROGRAM = CoefficientProgram

    public: PublicCoefficients

    def session(self, keys: EvaluationKeys) -> CoefficientSession:
        """Return the program ready to run for whoever has these keys."""
        return CoefficientSession(self, keys)


class CoefficientSession:
    """A linear layer with the public key of one client.

    Args:
        service: the program.
        keys: the client's.
    """

    def __init__(self, service: CoefficientService, keys: EvaluationKeys) -> None:
        self._service, self._program = service, service.program
        self._zeros = Rerandomiser(service.program, keys.public, service.context)
        self._last, self._chained, self._used = b"", False, AHEAD

    @property
    def size(self) -> int:
        """Bytes of zeros made ahead, twice, for foreseen seeds and others; and of what they are made with."""
        geometry, one = self._service.public.packing.geometry, self._service.public.terms.reply.residue_bytes
        return one * (2 * AHEAD * 2 * geometry.groups + 2 * geometry.together)

    def run(self, ciphertexts: Sequence[Ciphertext]) -> list[Residues]:
        """Return the encrypted answer; nothing but the scores is in it."""
        answers = self._program.evaluate(ciphertexts, self._zeros)
        for query in ciphertexts:
            if isinstance(query, Seeded):
                chained = bool(self._last) and following(self._last) == query.seed
                self._used += AHEAD if chained and not self._chained else 1
                self._last, self._chained = query.seed, chained
        return answers

    def prepare(self) -> None:
        """Encrypt zeros ahead, and multiply what the next seeds tell where they follow from the last one."""
        if self._used < AHEAD // 2:
            return
        self._used = 0
        if self._chained:
            self._zeros.prepare(AHEAD, self._last)
        else:
            self._zeros.prepare(max(0, AHEAD - len(self._zeros)))
