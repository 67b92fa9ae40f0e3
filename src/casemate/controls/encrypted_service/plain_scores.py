"""Plain scores: what a stored program computes, in the clear, for whoever has its weights."""

from __future__ import annotations

import numpy as np

from casemate.controls.encrypted_service.linear_service import LinearService
from casemate.controls.encrypted_service.programs import Program
from casemate.controls.encrypted_service.slot_service import SlotService


def plain_scores(program: Program, rows: np.ndarray) -> np.ndarray:
    """Return the scores of rows (n, features), (n, outputs) float64, computed with the program's own weights.

    Raises:
        ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
    """
    if isinstance(program, SlotService):
        return program.public.packing.unpack(plain_slots(program, rows))
    assert isinstance(program, LinearService)
    layer, numbers = program.program.layer, program.public.packing.numbers
    shifted = program.public.preparation(rows) - numbers.centre
    bias = np.array([value / layer.scale for value in layer.bias])
    scores = shifted @ (layer.weights / layer.weight_scale).T + bias
    return np.asarray(scores[:, : program.public.outputs])


def plain_slots(program: SlotService, rows: np.ndarray) -> np.ndarray:
    """Return all slots of the answers to rows (n, features), unmasked, (n, slots) float64: partial sums among them."""
    packing = program.public.packing
    prepared = program.public.preparation(rows)
    found = [program.program.reference(packing.pack(row)) for row in prepared]
    return np.array(found).reshape(len(prepared), len(packing.content))
