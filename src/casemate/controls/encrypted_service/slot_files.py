"""Slot files: what a server holds of a slot program, weights included, as bytes that hold no code."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from casemate.controls.encrypted_service.slot_service import PublicSlots, SlotService
from casemate.controls.homomorphic.candidates import Laid
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.layouts import LinearPlan, Steps
from casemate.controls.homomorphic.masking import Mask
from casemate.controls.homomorphic.slot_program import LinearStep, PowerStep, SlotProgram, SlotStep
from casemate.core.errors import ModelUnreadable


class _LinearFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="linear", tag_field="kind"):
    """A linear layer; arrays as little-endian bytes, diagonals one after the other."""

    babies: tuple[int, ...]
    giants: tuple[int, ...]
    folds: tuple[int, ...]
    places: tuple[tuple[int, int], ...]
    diagonals: bytes
    content: bytes
    came: bytes
    bias: bytes
    bits: float
    rescale: bool
    parts: int


class _PowerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="power", tag_field="kind"):
    """A polynomial."""

    coefficients: tuple[float, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: tuple[_LinearFile | _PowerFile, ...]
    bits: float
    spread: float
    flood: float


def body_bytes(program: SlotProgram, mask: Mask) -> bytes:
    """Return what a server holds."""
    steps = tuple(_step_file(step) for step in program.steps)
    return msgspec.msgpack.encode(_File(steps, program.bits, mask.spread, mask.flood))


def service_to_bytes(service: SlotService) -> bytes:
    """Return what a server holds of a service."""
    return body_bytes(service.program, service.mask)


def service_from_bytes(public: bytes, body: bytes) -> SlotService:
    """Return a service that was stored.

    Raises:
        ModelUnreadable: not such bytes, or of another program.
        BadEnvelope, OutOfRange: a public program that is none.
    """
    known = PublicSlots.from_bytes(public)
    known.check_body(body)
    try:
        file = msgspec.msgpack.decode(body, type=_File)
        steps = tuple(_step(step, known.chain.slots) for step in file.steps)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
        raise ModelUnreadable(f"not the body of a program: {error}") from error
    return SlotService(known, SlotProgram(Context(known.chain), steps, file.bits), Mask(file.spread, file.flood))


def _step_file(step: SlotStep) -> _LinearFile | _PowerFile:
    if isinstance(step, PowerStep):
        return _PowerFile(tuple(step.coefficients.tolist()))
    plan = step.plan
    places = tuple(plan.diagonals)
    return _LinearFile(
        plan.steps.babies,
        plan.steps.giants,
        plan.steps.folds,
        places,
        np.stack([plan.diagonals[place] for place in places]).astype("<f8").tobytes(),
        plan.content.astype("<i4").tobytes(),
        step.laid.came.astype("<i4").tobytes(),
        np.asarray(step.bias, "<f8").tobytes(),
        step.bits,
        step.rescale,
        plan.parts,
    )


def _step(file: _LinearFile | _PowerFile, slots: int) -> SlotStep:
    if isinstance(file, _PowerFile):
        return PowerStep(np.array(file.coefficients))
    diagonals = _array(file.diagonals, "<f8").reshape(len(file.places), slots)
    content, came = (_array(part, "<i4").astype(np.int64) for part in (file.content, file.came))
    if len(content) != slots or len(came) != slots:
        raise ValueError("a layer for another number of slots")
    steps = Steps(file.babies, file.giants, file.folds)
    plan = LinearPlan(steps, dict(zip(file.places, diagonals, strict=True)), content, file.parts)
    return LinearStep(Laid(plan, came), _array(file.bias, "<f8"), file.bits, file.rescale)


def _array(data: bytes, dtype: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(data, dtype).astype(dtype[1:])
