"""Coefficient programs as they are served: one linear layer on one row, without evaluation keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from casemate.controls.encrypted_service.ciphertexts import Ciphertext, Form
from casemate.controls.encrypted_service.descriptions import Described, read
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm
from casemate.controls.encrypted_service.programs import Terms
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.coefficient_packing import CoefficientPacking
from casemate.controls.homomorphic.coefficient_program import CoefficientProgram, Rerandomiser
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.linear_scales import Ranges, Rounded
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.seeds import Seeded, following
from casemate.core.errors import BadEnvelope, DataError, ModelUnreadable, ReplyImplausible

if TYPE_CHECKING:
    from casemate.controls.homomorphic.compile_linear import CompiledLinear
    from casemate.controls.homomorphic.secret_keys import SecretKeys

KIND = "coefficients"

AHEAD = 16
"""Requests for which zeros are kept encrypted, for each client."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a server holds: a `linear_scales.Rounded`, and ranges; arrays little-endian, one after the other."""

    outputs: int
    inputs: int
    drowned: int
    weights: bytes
    bias: tuple[str, ...]
    scales: tuple[float, float]
    flooding_bits: int
    error: bytes
    low: bytes
    high: bytes


@dataclass(frozen=True, eq=False)
class PublicCoefficients(Described):
    """What clients know of a coefficient program.

    Args:
        description: see `Description`.
        packing: how rows become coefficients; its last output is the mean of the others, which they are checked by.
        error: what no answer errs by more than.
    """

    packing: CoefficientPacking
    error: float

    @classmethod
    def from_bytes(cls, data: bytes) -> PublicCoefficients:
        """Return a public program that came from outside.

        Raises:
            BadEnvelope: it is none.
            OutOfRange: its chain is not secure.
        """
        description = read(data)
        plain = dict(description.packing)
        most = plain.pop("error", None)
        if plain.pop("kind", None) != KIND or not isinstance(most, float) or not 0 < most <= description.tolerance:
            raise BadEnvelope("not the packing of a coefficient program")
        try:
            packing = CoefficientPacking.from_plain(plain)
        except DataError as error:
            raise BadEnvelope(f"not the packing of a coefficient program: {error}") from error
        told = packing_plain(packing, most)
        if packing.numbers.width != description.prepare().width or told != description.packing or packing.outputs < 2:
            raise BadEnvelope("a packing that does not fit the rows")
        return cls(description, packing, most)

    @property
    def chain(self) -> Chain:
        """Degree and primes."""
        return self.packing.numbers.chain

    @cached_property
    def terms(self) -> Terms:
        """What its messages look like."""
        chain, layout, numbers = self.chain, self.packing.geometry, self.packing.numbers
        level = len(chain.levels)
        query = Form(chain, level, numbers.input_scale, seeded=True, transformed=False, together=layout.inputs)
        reply = Form(chain, level, numbers.scale, transformed=False, kept=tuple(self.packing.at.tolist()))
        return Terms(query, reply, given=layout.groups, keys=KeyForm(chain, encrypt=True, seeded=True))

    @property
    def outputs(self) -> int:
        """How many scores a row gets."""
        return self.packing.outputs - 1

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
        found = self.packing.unpack(secret.decrypt_coefficients(ciphertexts, self.packing.at))[:rows]
        scores, mean = found[:, :-1], found[:, -1]
        if not (np.abs(scores.mean(axis=1) - mean) <= 2 * self.error).all():
            raise ReplyImplausible(
                "a reply whose scores contradict each other",
                why="it was computed under another key, or not computed at all",
                fix="ask again; tell the server's operator if it happens twice",
            )
        return self.description.plausible(scores)


class CoefficientService:
    """A linear layer with its weights, as a server holds it.

    Args:
        public: what everybody may know of it.
        program: what it computes.
        body: what it was made from; see `body_bytes`.
    """

    def __init__(self, public: PublicCoefficients, program: CoefficientProgram, body: bytes) -> None:
        self.public = public
        self.program = program
        self.body = body
        self.context = Context(program.chain)

    def session(self, keys: EvaluationKeys) -> CoefficientSession:
        """Return the program ready to run for whoever has these keys."""
        return CoefficientSession(self, keys)

    def __reduce__(self) -> tuple[Any, ...]:
        return service_from_bytes, (self.public.to_bytes(), self.body)


class CoefficientSession:
    """A linear layer with the public key of one client.

    Args:
        service: the program.
        keys: the client's.
    """

    def __init__(self, service: CoefficientService, keys: EvaluationKeys) -> None:
        self._program = service.program
        self._zeros = Rerandomiser(service.program, keys.public, service.context)
        self._last, self._chained, self._used = b"", False, AHEAD

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


def packing_plain(packing: CoefficientPacking, error: float) -> dict[str, Any]:
    """Return a packing, and what no answer errs by more than, as plain data."""
    return {"kind": KIND, "error": error, **packing.to_plain()}


def body_bytes(made: CompiledLinear) -> bytes:
    """Return what a server holds."""
    layer, ranges = made.program.layer, made.ranges
    weights = np.ascontiguousarray(layer.weights, "<i8")
    error, low, high = (np.ascontiguousarray(one, "<f8").tobytes() for one in (layer.error, ranges.low, ranges.high))
    file = _File(
        outputs=weights.shape[0],
        inputs=weights.shape[1],
        drowned=made.program.drowned,
        weights=weights.tobytes(),
        bias=tuple(map(str, layer.bias)),
        scales=(layer.input_scale, layer.weight_scale),
        flooding_bits=layer.flooding_bits,
        error=error,
        low=low,
        high=high,
    )
    return msgspec.msgpack.encode(file)


def service_from_bytes(public: bytes, body: bytes) -> CoefficientService:
    """Return a service that was stored.

    Raises:
        ModelUnreadable: not such bytes, or of another program.
        BadEnvelope, OutOfRange: a public program that is none.
    """
    known = PublicCoefficients.from_bytes(public)
    known.check_body(body)
    try:
        file = msgspec.msgpack.decode(body, type=_File)
        error, low, high = (np.frombuffer(one, "<f8").astype(np.float64) for one in (file.error, file.low, file.high))
        weights = np.frombuffer(file.weights, "<i8").astype(np.int64).reshape(file.outputs, file.inputs)
        layer = Rounded(weights, tuple(map(int, file.bias)), *file.scales, file.flooding_bits, error)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
        raise ModelUnreadable(f"not the body of a program: {error}") from error
    linear, ranges = Linear(weights / layer.weight_scale, np.zeros(file.outputs)), Ranges(low, high)
    program = CoefficientProgram(linear, ranges, Context(known.chain), drowned=file.drowned, layer=layer)
    if packing_plain(program.public, float(program.error.max())) != known.description.packing:
        raise ModelUnreadable("the weights make another program than the public one")
    return CoefficientService(known, program, body)
