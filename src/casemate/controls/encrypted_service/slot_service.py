"""Slot programs as they are served: one row in one ciphertext, answered by slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from casemate.controls.encrypted_service.ciphertexts import Ciphertext, Form
from casemate.controls.encrypted_service.descriptions import WIDEST, Described, read, whole_numbers
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm
from casemate.controls.encrypted_service.programs import Terms
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.masking import CoverPool, Mask
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of
from casemate.controls.homomorphic.seeds import Seeded
from casemate.controls.homomorphic.slot_program import SlotPacking, SlotProgram
from casemate.core.errors import BadEnvelope, ReplyImplausible

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.senders import RowSender
    from casemate.controls.homomorphic.secret_keys import SecretKeys

KIND = "slots"
_MOST_ROTATIONS = 1024

_IMAGINARY = 2.0**-10
"""What imaginary parts may be of the largest number: rounding leaves less, noise leaves about all."""

AHEAD = 4
"""Covers of answers that are kept ready for each client; see `CoverPool`."""


class _Packing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `SlotPacking` as plain data."""

    kind: str
    degree: int
    primes: tuple[str, ...]
    content: tuple[int, ...]
    answers: tuple[int, ...]
    parts: int
    bits: float
    rotations: tuple[int, ...]
    relinearise: bool
    given: int
    scale: float


@dataclass(frozen=True, eq=False)
class PublicSlots(Described):
    """What clients know of a slot program.

    Args:
        description: see `Description`.
        chain: degree and primes.
        packing: which number lies in which slot.
    """

    chain: Chain
    packing: SlotPacking

    @classmethod
    def from_bytes(cls, data: bytes) -> PublicSlots:
        """Return a public program that came from outside.

        Raises:
            BadEnvelope: it is none.
            OutOfRange: its chain is not secure.
        """
        description = read(data)
        try:
            plain = msgspec.convert(description.packing, _Packing)
            primes = tuple(int(prime) for prime in plain.primes)
        except (msgspec.ValidationError, ValueError) as error:
            raise BadEnvelope(f"not the packing of a slot program: {error}") from error
        if plain.kind != KIND or not 1 <= len(primes) <= 64 or min(primes) < 2 or max(primes) >= 1 << 61:
            raise BadEnvelope("not the packing of a slot program")
        chain = Chain("ckks", plain.degree, primes)
        content = whole_numbers(plain.content, -1, WIDEST, chain.slots)
        answers = whole_numbers(plain.answers, 0, chain.slots - 1, chain.slots)
        rotations = whole_numbers(plain.rotations, 1, chain.slots - 1, _MOST_ROTATIONS)
        fine = len(content) == chain.slots and len(answers) and 1 <= plain.given <= len(chain.levels)
        fine = fine and plain.parts >= 1 and not len(answers) % plain.parts and len(set(plain.answers)) == len(answers)
        if not fine or not 1 <= plain.bits <= 60 or not 1 < plain.scale < 2.0**120:
            raise BadEnvelope("a packing that does not fit its chain")
        packing = SlotPacking(
            content,
            answers.reshape(-1, plain.parts),
            plain.bits,
            tuple(rotations.tolist()),
            plain.relinearise,
            plain.given,
            plain.scale,
        )
        if int(content.max()) >= description.prepare().width:
            raise BadEnvelope("a packing of more numbers than a row has")
        return cls(description, chain, packing)

    @cached_property
    def terms(self) -> Terms:
        """What its messages look like."""
        packing = self.packing
        query = Form(self.chain, len(self.chain.levels), 2.0**packing.bits, seeded=True)
        keys = KeyForm(self.chain, packing.rotations, packing.relinearise, encrypt=True)
        return Terms(query, Form(self.chain, packing.given, packing.scale), keys=keys)

    @property
    def outputs(self) -> int:
        """How many scores a row gets."""
        return len(self.packing.answers)

    def public_keys(self, secret: SecretKeys) -> Mapping[str, bytes | Seeded]:
        """Return the keys that the server needs, made anew each time."""
        return secret.evaluation_keys(self.packing.rotations, relinearise=self.packing.relinearise, public=True)

    def sender(self, secret: SecretKeys) -> RowSender:
        """Return what encrypts rows under a client's secret key."""
        from casemate.controls.encrypted_service.senders import RowSender

        return RowSender(self, secret)

    def encrypt(self, rows: np.ndarray, secret: SecretKeys) -> list[Ciphertext]:
        """Return the ciphertexts of rows (n, features), one for each.

        Raises:
            ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
        """
        context, scale = secret.context, 2.0**self.packing.bits
        return [secret.encrypt(context.encode(self.packing.pack(row), scale)) for row in self.preparation(rows)]

    def decrypt(self, ciphertexts: Sequence[Residues], rows: int, secret: SecretKeys) -> np.ndarray:
        """Return the scores of rows, (n, outputs).

        Raises:
            ReplyImplausible: what no model answers.
        """
        decode = secret.context.encoder.decode_complex
        slots = [self._real(np.asarray(decode(secret.decrypt(one)))) for one in ciphertexts[:rows]]
        scores = np.array([self.packing.unpack(one) for one in slots]).reshape(len(slots), self.outputs)
        return self.description.plausible(scores)

    def _real(self, slots: np.ndarray) -> np.ndarray:
        """Slots without their imaginary parts, which vanish in whatever the program computes, masks included.

        Raises:
            ReplyImplausible: they do not, as in a ciphertext under another key, or one that nobody computed.
        """
        most = self.description.tolerance + float(np.abs(slots.real).max()) * _IMAGINARY
        if not float(np.abs(slots.imag).max()) <= most:
            raise ReplyImplausible(
                "a reply that decrypts to noise",
                why="it was computed under another key, or not computed at all",
                fix="ask again; tell the server's operator if it happens twice",
            )
        return np.asarray(slots.real)


class SlotService:
    """A slot program with its weights, as a server holds it.

    Args:
        public: what everybody may know of it.
        program: what it computes.
        mask: what it adds to its answers.
    """

    def __init__(self, public: PublicSlots, program: SlotProgram, mask: Mask) -> None:
        self.public = public
        self.program = program
        self.mask = mask

    def session(self, keys: EvaluationKeys) -> SlotSession:
        """Return the program ready to run for whoever has these keys."""
        return SlotSession(self, keys)

    def __reduce__(self) -> tuple[Any, ...]:
        from casemate.controls.encrypted_service.slot_files import service_from_bytes, service_to_bytes

        return service_from_bytes, (self.public.to_bytes(), service_to_bytes(self))


class SlotSession:
    """A slot program with the keys of one client.

    Args:
        service: the program.
        keys: the client's.
    """

    def __init__(self, service: SlotService, keys: EvaluationKeys) -> None:
        self.service = service
        self._keys = keys
        self._covers = CoverPool(service.program.context, keys.public, service.public.packing, service.mask)

    @property
    def size(self) -> int:
        """Bytes of the keys as SEAL holds them, and of covers."""
        terms = self.service.public.terms
        return (terms.keys.bytes if terms.keys else 0) * 8 // 7 + AHEAD * 2 * terms.reply.residue_bytes

    def run(self, ciphertexts: Sequence[Ciphertext]) -> list[Residues]:
        """Return the encrypted answer, masked, flooded and made anew."""
        (query,) = ciphertexts
        service, context = self.service, self.service.program.context
        whole = query.expand(service.public.chain) if isinstance(query, Seeded) else query
        answer = service.program.run(ciphertext_of(whole, context), self._keys.rotation, self._keys.relinearisation)
        self._covers.add_to(answer)
        return [residues_of(answer)]

    def prepare(self) -> None:
        """Make what covers answers ahead of the next queries."""
        self._covers.prepare(AHEAD)


def packing_plain(chain: Chain, packing: SlotPacking) -> dict[str, Any]:
    """Return a packing as plain data."""
    plain = _Packing(
        KIND,
        chain.degree,
        tuple(map(str, chain.primes)),
        tuple(packing.content.tolist()),
        tuple(packing.answers.ravel().tolist()),
        packing.answers.shape[1],
        float(packing.bits),  # planning counts in numpy's numbers
        tuple(map(int, packing.rotations)),
        packing.relinearise,
        int(packing.given),
        float(packing.scale),
    )
    return dict(msgspec.to_builtins(plain))
