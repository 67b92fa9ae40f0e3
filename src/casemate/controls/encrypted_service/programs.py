"""What the service asks of a program: what its messages look like, and that it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import Ciphertext, Form
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm
from casemate.controls.encrypted_service.wire import Kind, size_of
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.seeds import Seeded

if TYPE_CHECKING:  # the server imports this file, and never those
    from casemate.controls.encrypted_service.senders import Sender
    from casemate.controls.homomorphic.secret_keys import SecretKeys

HASH_BYTES = 32
"""A reply begins with the SHA-256 of the request that it answers."""

OWNER_BYTES = 64
"""A registration begins with the client's X25519 public key and with a mark of its secret key, 32 bytes each."""


@dataclass(frozen=True)
class Terms:
    """What the messages of a program look like, to the byte.

    Args:
        query: every ciphertext that comes.
        reply: every ciphertext that goes.
        taken, given: ciphertexts that come and go each time the program runs.
        rows: that one run answers at most.
        keys: the evaluation keys that it needs.
        runs: how often one query may have it run.
    """

    query: Form
    reply: Form
    taken: int = 1
    given: int = 1
    rows: int = 1
    keys: KeyForm | None = None
    runs: int = 64

    @property
    def upload_bytes(self) -> int:
        """Bytes of a registration."""
        return size_of(Kind.KEYS, OWNER_BYTES + (self.keys.bytes if self.keys else 0))

    def query_bytes(self, runs: int) -> int:
        """Return the bytes of a query."""
        return size_of(Kind.QUERY, self.query.size(runs * self.taken))

    def reply_bytes(self, runs: int) -> int:
        """Return the bytes of a reply."""
        return size_of(Kind.REPLY, HASH_BYTES + self.reply.size(runs * self.given))

    def runs_in(self, query_bytes: int) -> int | None:
        """Return how often a query of so many bytes has the program run; None where no query has so many."""
        each = self.taken * self.query.entry_bytes
        runs, rest = divmod(query_bytes - self.query_bytes(0), each)
        return runs if rest == 0 and 1 <= runs <= self.runs else None


class PublicProgram(Protocol):
    """What everybody may know of a program."""

    @property
    def digest(self) -> str:
        """SHA-256 of the program, in hexadecimal."""
        ...

    @property
    def terms(self) -> Terms:
        """What its messages look like."""
        ...

    def to_bytes(self) -> bytes:
        """Return what clients download."""
        ...


class Session(Protocol):
    """A program with the keys of one client, ready to run."""

    @property
    def size(self) -> int:
        """Bytes that it holds, about, when it has prepared all that it prepares."""
        ...

    def run(self, ciphertexts: Sequence[Ciphertext]) -> list[Residues]:
        """Return the encrypted answer, masked; ``taken`` ciphertexts come, ``given`` go."""
        ...

    def prepare(self) -> None:
        """Do ahead of the next query what does not depend on it, such as encrypting zeros."""
        ...


class Program(Protocol):
    """What runs on a server; it can be pickled."""

    @property
    def public(self) -> PublicProgram:
        """What everybody may know of it."""
        ...

    def session(self, keys: EvaluationKeys) -> Session:
        """Return the program ready to run for whoever has these keys."""
        ...


class ClientProgram(PublicProgram, Protocol):
    """What a client can do with a program and a secret key."""

    @property
    def outputs(self) -> int:
        """How many scores a row gets."""
        ...

    def public_keys(self, secret: SecretKeys) -> Mapping[str, bytes | Seeded]:
        """Return the keys that the server needs; see `packed_keys`."""
        ...

    def sender(self, secret: SecretKeys) -> Sender:
        """Return what encrypts rows for it, ``taken`` ciphertexts for every ``rows`` of them, and opens replies."""
        ...

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Return the class of each row, (n,)."""
        ...

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each class, (n, classes)."""
        ...
