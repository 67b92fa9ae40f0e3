"""Column programs as they are served: one linear layer on many rows at a time, without evaluation keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from casemate.controls.encrypted_service.ciphertexts import Ciphertext, Form
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys
from casemate.controls.encrypted_service.linear_service import LinearService, PublicLinear
from casemate.controls.encrypted_service.programs import Terms
from casemate.controls.homomorphic.column_packing import ColumnPacking
from casemate.controls.homomorphic.column_program import ColumnProgram, ColumnRandomness
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.seeds import Seeded
from casemate.core.errors import LevelMismatch

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.column_sender import ColumnSender
    from casemate.controls.homomorphic.secret_keys import SecretKeys

LARGEST_QUERY = 1 << 26
"""Bytes of a query, about; one block of rows may always be sent."""

AHEAD = 2
"""Blocks that are prepared for whoever asked last."""

SEEDS = 32
"""Clients whose second halves stay multiplied."""


@dataclass(frozen=True, eq=False)
class PublicColumns(PublicLinear[ColumnPacking]):
    """What clients know of a column program; see `PublicLinear`."""

    KIND = "columns"
    PACKING = ColumnPacking

    @cached_property
    def terms(self) -> Terms:
        """What its messages look like."""
        chain, numbers, columns = self.chain, self.packing.numbers, self.packing.columns
        query = Form(chain, 1, numbers.input_scale, seeded=True, transformed=False, together=columns)
        reply = Form(chain, 1, numbers.scale, transformed=False)
        runs = max(1, min(Terms.runs, LARGEST_QUERY // query.entry_bytes))
        return Terms(query, reply, given=self.packing.outputs, rows=chain.degree, runs=runs)

    def public_keys(self, secret: SecretKeys) -> Mapping[str, bytes | Seeded]:
        """Return nothing: what the server encrypts zeros with comes along with each block."""
        return {}

    def sender(self, secret: SecretKeys) -> ColumnSender:
        """Return what encrypts blocks of rows, each under a secret key that is drawn for it."""
        from casemate.controls.encrypted_service.column_sender import ColumnSender

        return ColumnSender(self, secret.context)


class ColumnService(LinearService[ColumnPacking, ColumnProgram]):
    """A linear layer with its weights, as a server holds it; see `LinearService`."""

    PUBLIC = PublicColumns
    PROGRAM = ColumnProgram

    public: PublicColumns

    def session(self, keys: EvaluationKeys) -> ColumnSession:
        """Return the program ready to run for everybody."""
        return ColumnSession(self)


class ColumnSession:
    """A linear layer, with what is prepared for its clients; they share it, for they have no keys to be told apart by.

    Args:
        service: the program.
    """

    def __init__(self, service: ColumnService) -> None:
        self._service, self._program = service, service.program
        self._randomness = ColumnRandomness(service.program, service.context, SEEDS)
        self._last = b""

    @property
    def size(self) -> int:
        """Bytes of second halves that were multiplied, and of what is prepared for blocks."""
        public = self._service.public
        each = SEEDS + SEEDS * AHEAD * 4  # both halves of a reply, and two more of its size
        return each * (public.packing.outputs + 1) * public.terms.reply.residue_bytes

    def run(self, ciphertexts: Sequence[Ciphertext]) -> list[Residues]:
        """Return the encrypted answers to a block; nothing but the scores is in them."""
        queries = [one for one in ciphertexts if isinstance(one, Seeded)]
        if len(queries) != len(ciphertexts):
            raise LevelMismatch("a block of rows without a seed")
        answers = self._program.evaluate(queries, self._randomness)
        self._last = queries[-1].seed
        return answers

    def prepare(self) -> None:
        """Prepare for further blocks that come with the seed of the last one."""
        if self._last:
            self._randomness.prepare(max(0, AHEAD - self._randomness.ready(self._last)), self._last)
