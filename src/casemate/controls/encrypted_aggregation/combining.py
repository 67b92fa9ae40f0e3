"""All holders' parts together give the released figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from casemate.controls.encrypted_aggregation import messages, residue_arrays
from casemate.controls.encrypted_aggregation.key_holder import part_width
from casemate.controls.encrypted_aggregation.messages import Kind, Message
from casemate.controls.encrypted_aggregation.plan import AggregationPlan
from casemate.controls.encrypted_aggregation.questions import Figure
from casemate.controls.encrypted_aggregation.rounding import rounded
from casemate.controls.encrypted_aggregation.seal_objects import slots_of
from casemate.controls.encrypted_aggregation.totals import Total
from casemate.core.errors import ShareMissing, WrongKey

_DIGEST = 32
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Result:
    """What an aggregation found.

    Args:
        plan: what was asked.
        contributors: whose contributions are in it.
        totals: the sum over them of each of the plan's fields, int64.
        largest_error: the largest error that was rounded away, as a share of what would have decrypted to something
            else; None where a single holder decrypted.
    """

    plan: AggregationPlan
    contributors: tuple[str, ...]
    totals: tuple[np.ndarray, ...] = field(repr=False)
    largest_error: float | None = None

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The answers, question by question."""
        answers: list[Figure] = []
        left = list(self.totals)
        for question in self.plan.questions:
            count = len(question.fields(self.plan.rows))
            answers += question.figures(left[:count])
            left = left[count:]
        return tuple(answers)

    @cached_property
    def errors(self) -> Mapping[str, float]:
        """For each count, bin and sum, the distance within which its noise stays with 95 % probability; by its name."""
        if not self.plan.noises:
            return {}
        told: dict[str, float] = {}
        left = list(self.plan.noises)
        for question in self.plan.questions:
            count = len(question.fields(self.plan.rows))
            if question.kind != "mean":  # whose error depends on how many there are
                step = float(question.step) if question.kind == "sum" else 1.0
                told |= dict.fromkeys(question.names, left[0].tail(-np.log(1 - LEVEL)) * step)
            left = left[count:]
        return told


def combine(total: Total, parts: Iterable[bytes]) -> Result:
    """Return the figures that the parts of all holders open.

    Raises:
        ShareMissing: a holder's part is not there.
        WrongKey: a part of another total.
        EncryptedError: a message that is none, altered, or not from a holder; see `messages.read`.
        TotalImplausible: together they open nothing that could have been contributed.
    """
    plan, found = total.plan, {}
    for data in parts:
        message = _part(total, data)
        if message.body[:_DIGEST] != total.digest:
            raise WrongKey(f"the part of {message.sender} is one of another total", fix="take that of this one")
        found[message.sender] = message.body[_DIGEST:]
    missing = [name for name in plan.holders if name not in found]
    if missing:
        raise ShareMissing(
            f"the part of {', '.join(missing)} is not there",
            why="all holders are needed to decrypt; fewer learn nothing",
            fix="wait for it",
        )
    slots, largest = _slots(total, found)
    numbers = plan.layout.unpacked(slots)
    clients = len(total.receipts)
    totals = tuple(part + clients * fields.lowest for part, fields in zip(numbers, plan.fields, strict=True))
    return Result(plan, tuple(receipt.name for receipt in total.receipts), totals, largest)


def _slots(total: Total, found: Mapping[str, memoryview]) -> tuple[np.ndarray, float | None]:
    """The slots of a total, (ciphertexts x degree,) uint64, and the largest error."""
    plan, width = total.plan, part_width(total.plan)
    if len(plan.holders) == 1:
        (body,) = found.values()
        shape = plan.ciphertexts, 1, plan.degree
        return residue_arrays.unpacked(body, shape, width, (plan.plain,)).ravel(), None
    primes, shape = plan.chain.levels, (plan.ciphertexts, len(plan.chain.levels), plan.degree)
    opened = residue_arrays.ResidueSum(shape, primes)
    opened.add(total.values[:, 0])
    for body in found.values():
        opened.add(residue_arrays.unpacked(body, shape, width, primes))
    slots, largest = [], 0.0
    for values in opened.total():
        coefficients, error = rounded(values, primes, plan.plain)
        slots.append(slots_of(coefficients, plan.context))
        largest = max(largest, error)
    return np.concatenate(slots), largest


def _part(total: Total, data: bytes) -> Message:
    plan = total.plan
    numbers = plan.ciphertexts * plan.degree * (len(plan.chain.levels) if len(plan.holders) > 1 else 1)
    size = _DIGEST + numbers * part_width(plan)
    return messages.read(data, Kind.PART, plan.digest, total.key.fingerprint, plan.holders, size)
