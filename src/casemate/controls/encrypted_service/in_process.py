"""The encrypted service in one process: both sides of the wire, as assessments attack and price them.

Every message is one that the client and the server of `casemate.controls.encrypted_service` make, and nothing is left
out: seals, nonces, registrations, masks. Keys are new in every process.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import unpacked
from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.coefficient_service import PublicCoefficients
from casemate.controls.encrypted_service.programs import HASH_BYTES, ClientProgram, Program
from casemate.controls.encrypted_service.trial_house import TrialHouse
from casemate.controls.encrypted_service.wire import Kind, kind_of, parsed
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.masking import normal_numbers
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.transforms import to_coefficients
from casemate.core.errors import CasemateError, EncryptedError, QuotaSpent, WrongKey
from casemate.core.wire import Opened, Ring, Share

EXACT = 1 << 52
"""Numbers modulo a prime below this are exact in float64, so that whoever is told them knows every digit."""


class InProcess:
    """One client and one server of a program; a `casemate.core.wire.Wire`. It can be pickled, its keys stay.

    Args:
        program: what the server runs.
        share: what clients tell others of their answers.
        flood: standard deviation of the noise that clients add to scores before they tell them. (Noise that the server
            adds would hide nothing from the server.)
    """

    encrypted = True

    def __init__(self, program: Program, share: Share = "never", flood: float = 0.0) -> None:
        self.program = program
        self.share: Share = share
        self.flood = flood

    @property
    def public(self) -> ClientProgram:
        """The public program."""
        return cast(ClientProgram, self.program.public)

    @property
    def key_bytes(self) -> int:
        """Bytes of a registration."""
        return self.public.terms.upload_bytes

    @cached_property
    def ring(self) -> Ring | None:
        """Where the numbers of answers lie: of linear programs modulo one prime, whose answers are exact in float64."""
        public = self.public
        if not isinstance(public, PublicCoefficients):
            return None
        primes = public.chain.levels
        if len(primes) > 1 or primes[0] >= EXACT:
            return None
        layout, numbers = public.packing.geometry, public.packing.numbers
        pairs, places = layout.group_of[: public.outputs], layout.coefficient_of[: public.outputs]
        return Ring(layout.degree, primes[0], numbers.scale, pairs, places, public.error)

    def ask(self, X: np.ndarray) -> list[bytes]:
        """Return an honest client's queries about rows (n, d); ``b""`` about a row that it refuses."""
        return [self._asked(row[None]) for row in np.asarray(X, np.float64)]

    def answer(self, message: bytes) -> bytes | None:
        """Return the server's reply; None for a refusal."""
        with self._house.silence():
            reply = self._house.asked(message)
        return None if kind_of(reply) == Kind.REFUSAL else reply

    def read(self, message: bytes, reply: bytes) -> Opened | None:
        """Return what the client reads; None where it refuses the reply."""
        try:
            answer = self._client.decrypt(reply)
        except CasemateError:
            return None
        told = None
        if self.share == "labels":
            told = answer.labels.astype(np.float64)
        elif self.share == "scores":
            told = answer.scores[0] + self.flood * normal_numbers(len(answer.scores[0]))
        return Opened(answer.scores[0], answer.probabilities[0], told)

    def polynomials(self, reply: bytes) -> np.ndarray:
        """Return the ciphertexts of a reply by coefficients, (ciphertexts, 2, degree) int64.

        Raises:
            EncryptedError: see `ring`; or no such reply.
        """
        if self.ring is None:
            raise EncryptedError("answers of this program are no polynomials modulo one prime")
        terms = self.public.terms
        body = parsed(reply, Kind.REPLY, terms.reply_bytes(terms.runs)).body[HASH_BYTES:]
        found = [one for one in unpacked(body, terms.reply) if isinstance(one, Residues)]
        heads = np.stack([one.values[0, 0] for one in found])
        tails = to_coefficients(np.stack([one.values[1] for one in found]), self._context)[:, 0]
        return np.stack([heads, tails], axis=1).astype(np.int64)

    def stranger(self) -> InProcess:
        """Return the same program on another server, with another client."""
        return InProcess(self.program, self.share, self.flood)

    def _asked(self, row: np.ndarray) -> bytes:
        try:
            return self._client.encrypt(row)
        except (QuotaSpent, WrongKey):  # too many messages that nobody answered, or the registration's time is over
            self._client = self._registered()
            return self._client.encrypt(row)
        except EncryptedError:
            raise
        except CasemateError:  # a row that the program was not made for
            return b""

    def _registered(self) -> Client:
        """A client with the same keys each time; what was asked before it registered is not authentic any more."""
        house = self._house
        client = house.client()
        client.accept(house.told(client.registration()))
        return client

    @cached_property
    def _client(self) -> Client:
        return self._registered()

    @cached_property
    def _house(self) -> TrialHouse:
        return TrialHouse(self.program)

    @cached_property
    def _context(self) -> Context:
        return Context(self.public.terms.query.chain)

    def __reduce__(self) -> tuple[Any, ...]:
        return InProcess, (self.program, self.share, self.flood)
