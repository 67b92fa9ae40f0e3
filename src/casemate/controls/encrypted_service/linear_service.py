"""Linear programs as they are served: what coefficient and column programs have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import msgspec
import numpy as np

from casemate.controls.encrypted_service.descriptions import Described, read
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys
from casemate.controls.encrypted_service.programs import Session, Terms
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.coefficient_packing import CoefficientPacking
from casemate.controls.homomorphic.coefficient_program import CoefficientProgram
from casemate.controls.homomorphic.column_packing import ColumnPacking
from casemate.controls.homomorphic.column_program import ColumnProgram
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.linear_scales import Ranges, Rounded
from casemate.core.errors import BadEnvelope, DataError, ModelUnreadable, ReplyImplausible

if TYPE_CHECKING:
    from casemate.controls.homomorphic.compile_linear import CompiledLinear

Packing = TypeVar("Packing", CoefficientPacking, ColumnPacking)
Runs = TypeVar("Runs", CoefficientProgram, ColumnProgram)


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
class PublicLinear(Described, ABC, Generic[Packing]):
    """What clients know of a linear program.

    Args:
        description: see `Description`.
        packing: how rows are packed; its last output is the mean of the others, which they are checked by.
        error: what no answer errs by more than.
    """

    KIND: ClassVar[str]
    PACKING: ClassVar[type[CoefficientPacking] | type[ColumnPacking]]

    packing: Packing
    error: float

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return a public program that came from outside.

        Raises:
            BadEnvelope: it is none.
            OutOfRange: its chain is not secure.
        """
        description = read(data)
        plain = dict(description.packing)
        most = plain.pop("error", None)
        if plain.pop("kind", None) != cls.KIND or not isinstance(most, float) or not 0 < most <= description.tolerance:
            raise BadEnvelope(f"not the packing of a program in {cls.KIND}")
        try:
            packing: Any = cls.PACKING.from_plain(plain)
        except DataError as error:
            raise BadEnvelope(f"not the packing of a program in {cls.KIND}: {error}") from error
        told = packing_plain(cls.KIND, packing, most)
        if packing.numbers.width != description.prepare().width or told != description.packing or packing.outputs < 2:
            raise BadEnvelope("a packing that does not fit the rows")
        return cls(description, packing, most)

    @property
    @abstractmethod
    def terms(self) -> Terms:
        """What its messages look like."""

    @property
    def chain(self) -> Chain:
        """Degree and primes."""
        return self.packing.numbers.chain

    @property
    def outputs(self) -> int:
        """How many scores a row gets."""
        return self.packing.outputs - 1

    def believed(self, found: np.ndarray) -> np.ndarray:
        """Return the scores of rows, (n, outputs), of all answers, (n, outputs + 1).

        Raises:
            ReplyImplausible: what no model answers.
        """
        scores, mean = found[:, :-1], found[:, -1]
        if not (np.abs(scores.mean(axis=1) - mean) <= 2 * self.error).all():
            raise ReplyImplausible(
                "a reply whose scores contradict each other",
                why="it was computed under another key, or not computed at all",
                fix="ask again; tell the server's operator if it happens twice",
            )
        return self.description.plausible(scores)


@dataclass(frozen=True, eq=False)
class LinearBody:
    """A linear layer that was stored.

    Args:
        layer: in whole numbers.
        ranges: of its inputs.
        drowned: by how many bits flooding noise exceeds the errors of encryption.
    """

    layer: Rounded
    ranges: Ranges
    drowned: int

    @property
    def linear(self) -> Linear:
        """Its weights as real numbers, without its bias."""
        return Linear(self.layer.weights / self.layer.weight_scale, np.zeros(len(self.layer.weights)))

    @classmethod
    def from_bytes(cls, body: bytes) -> LinearBody:
        """Return what `body_bytes` wrote.

        Raises:
            ModelUnreadable: not such bytes.
        """
        try:
            file = msgspec.msgpack.decode(body, type=_File)
            error, low, high = (
                np.frombuffer(one, "<f8").astype(np.float64) for one in (file.error, file.low, file.high)
            )
            weights = np.frombuffer(file.weights, "<i8").astype(np.int64).reshape(file.outputs, file.inputs)
            layer = Rounded(weights, tuple(map(int, file.bias)), *file.scales, file.flooding_bits, error)
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
            raise ModelUnreadable(f"not the body of a program: {error}") from error
        return cls(layer, Ranges(low, high), file.drowned)


def body_bytes(made: CompiledLinear[Any]) -> bytes:
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


def packing_plain(kind: str, packing: CoefficientPacking | ColumnPacking, error: float) -> dict[str, Any]:
    """Return a packing, and what no answer errs by more than, as plain data."""
    return {"kind": kind, "error": error, **packing.to_plain()}


class LinearService(ABC, Generic[Packing, Runs]):
    """A linear layer with its weights, as a server holds it.

    Args:
        public: what everybody may know of it.
        program: what it computes.
        body: what it was made from; see `body_bytes`.
    """

    PUBLIC: ClassVar[type[PublicLinear[Any]]]
    PROGRAM: ClassVar[type[CoefficientProgram] | type[ColumnProgram]]

    def __init__(self, public: PublicLinear[Packing], program: Runs, body: bytes) -> None:
        self.public: PublicLinear[Packing] = public
        self.program: Runs = program
        self.body = body
        self.context = Context(program.chain)

    @classmethod
    def from_bytes(cls, public: bytes, body: bytes) -> Self:
        """Return a service that was stored.

        Raises:
            ModelUnreadable: not such bytes, or of another program.
            BadEnvelope, OutOfRange: a public program that is none.
        """
        known = cls.PUBLIC.from_bytes(public)
        known.check_body(body)
        stored, context = LinearBody.from_bytes(body), Context(known.chain)
        program: Any = cls.PROGRAM(stored.linear, stored.ranges, context, drowned=stored.drowned, layer=stored.layer)
        if packing_plain(known.KIND, program.public, float(program.error.max())) != known.description.packing:
            raise ModelUnreadable("the weights make another program than the public one")
        return cls(known, program, body)

    @abstractmethod
    def session(self, keys: EvaluationKeys) -> Session:
        """Return the program ready to run for whoever has these keys."""

    def __reduce__(self) -> tuple[Any, ...]:
        return self.from_bytes, (self.public.to_bytes(), self.body)
