"""Compile a model: from a trained model to a program that a server runs on ciphertexts, and what clients need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.controls.encrypted_service.descriptions import (
    FORMAT,
    Description,
    FeatureFile,
    preparation_file,
    written,
)
from casemate.controls.encrypted_service.programs import Program
from casemate.controls.homomorphic.circuits import AnswerKind, Circuit
from casemate.controls.homomorphic.importing import FineTune, circuit_of
from casemate.controls.homomorphic.preparing import Ranges
from casemate.controls.homomorphic.replacing import Settings
from casemate.core.errors import ModelUnsupported, OutOfRange, ShapeMismatch

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.linear_service import LinearService
    from casemate.controls.homomorphic.compile_linear import CompiledLinear

LARGEST = 16.0
"""How much larger than on calibration rows a score may be to count as one."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What a program shall be like.

    Args:
        name: what its owner calls it.
        tolerance: the accepted error of a score; by default one hundredth of the scores' standard deviation.
        mask_bits: by how many bits what hides partial sums in an answer is larger than they may be, at least.
        flood: standard deviation of the noise added to scores, as a share of the tolerance. It hides from clients the
            noise of encryption, which depends on the weights; it does not make scores safe to share (decision 15).
        features: the columns of a row, in order, so that clients can find them by name; nameless where empty.
        batches: whether one query holds thousands of rows, which linear layers alone can answer; for who has many.
    """

    name: str
    tolerance: float | None = None
    mask_bits: float = 8.0
    flood: float = 0.0
    features: tuple[FeatureFile, ...] = ()
    batches: bool = False

    def __post_init__(self) -> None:
        if self.tolerance is not None and not 0 < self.tolerance < np.inf:
            raise OutOfRange(f"a tolerance of {self.tolerance}", fix="how far a score may be off, such as 0.01")
        if not 0 <= self.flood <= 1:
            raise OutOfRange(f"flood is {self.flood}", fix="a share of the tolerance, from 0 to 1")


@dataclass(frozen=True, eq=False)
class Compilation:
    """A program, and how it came to be.

    Args:
        program: what a server runs.
        circuit: what it computes, in the clear.
        seconds: what one run is estimated to take on this machine, CPU time; of many rows, if it takes many.
        estimated: the estimated error of a score.
        facts: what else is worth telling, by name.
    """

    program: Program
    circuit: Circuit
    seconds: float
    estimated: float
    facts: dict[str, Any]


def compile_model(
    model: Any,
    calibration: np.ndarray,
    asked: Asked,
    *,
    classes: Sequence[str] | None = None,
    answer: AnswerKind | None = None,
    ranges: Ranges | None = None,
    settings: Settings | None = None,
    fine_tune: FineTune | None = None,
) -> Compilation:
    """Return a model as a program.

    Args:
        model: see `importing.circuit_of`, which also explains the other arguments.
        calibration: rows like those that will be asked, (n, features).
        asked: what the program shall be like.

    Raises:
        ModelUnsupported: a model that cannot be computed on ciphertexts, or not within the tolerance.
        ModelError, DataError: see `importing.circuit_of`.
    """
    circuit = circuit_of(
        model, calibration, classes=classes, answer=answer, ranges=ranges, settings=settings, fine_tune=fine_tune
    )
    rows = np.asarray(calibration, np.float64).reshape(len(calibration), -1)
    return compile_circuit(circuit, rows, asked)


def compile_circuit(circuit: Circuit, rows: np.ndarray, asked: Asked) -> Compilation:
    """Return a circuit as a program: coefficients or columns for one linear layer, slots for everything else.

    Args:
        circuit: what to compute.
        rows: calibration rows, (n, features).
        asked: what the program shall be like.

    Raises:
        ModelUnsupported: no parameters suffice; or batches are asked for, and the model is not one linear layer.
        EmptyData: no rows.
        ShapeMismatch: another number of features is named than a row has.
    """
    if asked.features and len(asked.features) != circuit.preparation.features:
        raise ShapeMismatch(
            f"{len(asked.features)} features are named, and a row has {circuit.preparation.features}",
            fix="name each column of a row once, in order",
        )
    if len(circuit.steps) == 1:
        return _batches(circuit, rows, asked) if asked.batches else _one_layer(circuit, rows, asked)
    if asked.batches:
        raise ModelUnsupported(
            "batches are answered by linear models alone, and this one has several layers",
            fix="compile it for one row at a time; a query then holds up to 64 rows",
        )
    return _network(circuit, rows, asked)


def _network(circuit: Circuit, rows: np.ndarray, asked: Asked) -> Compilation:
    from casemate.controls.encrypted_service.slot_files import body_bytes, service_from_bytes
    from casemate.controls.encrypted_service.slot_service import packing_plain
    from casemate.controls.homomorphic.compiling import compile_slots

    made = compile_slots(circuit, rows, tolerance=asked.tolerance, mask_bits=asked.mask_bits, flood=asked.flood)
    program = made.program
    body, packing = body_bytes(program, made.mask), program.packing()
    plain = packing_plain(program.context.chain, packing)
    public = written(_described(circuit, rows, asked, plain, made.tolerance, body))
    facts = {
        "rotations": len(packing.rotations),
        "measured error": made.error,
        "mask bits": made.mask_bits,
    }
    return Compilation(service_from_bytes(public, body), circuit, made.seconds, made.estimated, facts)


def _one_layer(circuit: Circuit, rows: np.ndarray, asked: Asked) -> Compilation:
    from casemate.controls.encrypted_service.coefficient_service import CoefficientService
    from casemate.controls.homomorphic.compile_linear import compile_linear

    made = compile_linear(circuit, rows, tolerance=asked.tolerance, flood=asked.flood)
    return _linear(circuit, rows, asked, made, CoefficientService)


def _batches(circuit: Circuit, rows: np.ndarray, asked: Asked) -> Compilation:
    from casemate.controls.encrypted_service.column_service import ColumnService
    from casemate.controls.homomorphic.compile_linear import compile_columns

    made = compile_columns(circuit, rows, tolerance=asked.tolerance, flood=asked.flood)
    return _linear(circuit, rows, asked, made, ColumnService)


def _linear(
    circuit: Circuit,
    rows: np.ndarray,
    asked: Asked,
    made: CompiledLinear[Any],
    service: type[LinearService[Any, Any]],
) -> Compilation:
    from casemate.controls.encrypted_service.linear_service import body_bytes, packing_plain

    body, plain = body_bytes(made), packing_plain(service.PUBLIC.KIND, made.program.public, made.error)
    public = written(_described(circuit, rows, asked, plain, made.tolerance, body))
    program = service.from_bytes(public, body)
    facts = {"replies": program.public.terms.given, "bound of the error": made.error}
    return Compilation(program, circuit, made.seconds, made.error, facts)


def _described(
    circuit: Circuit, rows: np.ndarray, asked: Asked, packing: dict[str, Any], tolerance: float, body: bytes
) -> Description:
    """Return what everybody may know of a program."""
    return Description(
        format=FORMAT,
        packing=packing,
        name=asked.name,
        preparation=preparation_file(circuit.preparation),
        answer=circuit.answer,
        classes=tuple(map(str, circuit.classes)),
        semantics=circuit.semantics,
        tolerance=tolerance,
        largest=LARGEST * max(float(np.abs(circuit.scores(rows)).max()), tolerance),
        body=hashlib.sha256(body).hexdigest(),
        features=asked.features,
    )
