"""Descriptions: what everybody may know of a program, as canonical JSON; its SHA-256 names the program."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np

from casemate.controls.homomorphic.circuits import (
    AnswerKind,
    Preparation,
    Scaled,
    Thermometer,
    decided,
    probabilities_of,
)
from casemate.core.errors import BadEnvelope, ModelUnreadable, ReplyImplausible
from casemate.core.schema import Kind

FORMAT: Literal["casemate-program-1"] = "casemate-program-1"
WIDEST = 1 << 16
"""Numbers of a row, at most."""


class ScaledFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="scaled", tag_field="kind"):
    """See `circuits.Scaled`."""

    shift: tuple[float, ...]
    divisor: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class ThermometerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="thermometer", tag_field="kind"):
    """See `circuits.Thermometer`."""

    features: int
    of: tuple[int, ...]
    thresholds: tuple[float, ...]


class FeatureFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a row; see `core.schema.Column`.

    Args:
        name: the column's.
        kind: how its values look.
        categories: the values that the codes of a category stand for, in the order of the codes.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What clients must know, and owners want to tell.

    Args:
        format: the version of this description.
        packing: how rows are packed, with what belongs to that way.
        name: what the owner calls the program.
        preparation: what a client does with a row before it encrypts.
        answer: what scores are.
        classes: the classes' names.
        semantics: in what sense scores equal the model's.
        tolerance: by how much a score may be off.
        largest: the largest absolute score that is plausible.
        body: SHA-256 of what the server holds, in hexadecimal.
        features: the columns of a row, in order; empty where the owner does not name them.
    """

    format: Literal["casemate-program-1"]
    packing: dict[str, Any]
    name: str
    preparation: ScaledFile | ThermometerFile
    answer: AnswerKind
    classes: tuple[str, ...]
    semantics: str
    tolerance: float
    largest: float
    body: str
    features: tuple[FeatureFile, ...] = ()

    def prepare(self) -> Preparation:
        """Return what a client does with rows."""
        return preparation_of(self.preparation)

    def plausible(self, scores: np.ndarray) -> np.ndarray:
        """Return scores that may be an answer.

        Raises:
            ReplyImplausible: some are larger than any that the program gives.
        """
        if scores.size and not (np.abs(scores).max() <= self.largest):
            raise ReplyImplausible(
                f"a score of {np.abs(scores).max():.3g}, where the program gives at most {self.largest:.3g}",
                why="the reply was not computed by this program on this query",
                fix="ask again; tell the server's operator if it happens twice",
            )
        return scores

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Return the class of each row, (n,) int64; the number itself where the model answers with numbers."""
        return scores[:, 0] if self.answer == "number" else decided(scores)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each class, (n, classes)."""
        return probabilities_of(self.answer, scores)


def preparation_file(preparation: Preparation) -> ScaledFile | ThermometerFile:
    """Return a preparation as plain data."""
    if isinstance(preparation, Scaled):
        parts = (preparation.shift, preparation.divisor, preparation.low, preparation.high)
        return ScaledFile(*(tuple(part.tolist()) for part in parts))
    assert isinstance(preparation, Thermometer)
    return ThermometerFile(preparation.features, tuple(preparation.of.tolist()), tuple(preparation.thresholds.tolist()))


def preparation_of(file: ScaledFile | ThermometerFile) -> Preparation:
    """Return a preparation that came from outside.

    Raises:
        BadEnvelope: arrays that disagree, or numbers that are none.
    """
    if isinstance(file, ScaledFile):
        shift, divisor, low, high = (
            np.array(part, np.float64) for part in (file.shift, file.divisor, file.low, file.high)
        )
        fine = 0 < len(shift) <= WIDEST and shift.shape == divisor.shape == low.shape == high.shape
        if not fine or not np.isfinite([shift, divisor, low, high]).all() or not divisor.all() or (low > high).any():
            raise BadEnvelope("a program whose features have no ranges")
        return Scaled(shift, divisor, low, high)
    of, thresholds = np.array(file.of, np.int64), np.array(file.thresholds, np.float64)
    if not 0 < file.features <= WIDEST or len(of) != len(thresholds) or not 0 < len(of) <= WIDEST:
        raise BadEnvelope("a program whose thresholds do not fit its features")
    if not np.isfinite(thresholds).all() or of.min() < 0 or of.max() >= file.features:
        raise BadEnvelope("a program with thresholds of features that it has not")
    return Thermometer(file.features, of, thresholds)


def written(description: Description) -> bytes:
    """Return a description as it is hashed and sent."""
    return msgspec.json.encode(description, order="deterministic")


def read(data: bytes) -> Description:
    """Return a description that came from outside.

    Raises:
        BadEnvelope: it is none, or not written the one way that there is.
    """
    try:
        found = msgspec.json.decode(data, type=Description)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise BadEnvelope(f"not the description of a program: {error}") from error
    if written(found) != data:
        raise BadEnvelope("a description that is not canonical", why="one program would have several digests")
    if not (0 < found.tolerance < math.inf and 0 < found.largest < math.inf):
        raise BadEnvelope("a program without a tolerance")
    names = {feature.name for feature in found.features}
    if found.features and not len(names) == len(found.features) == _columns(found.preparation):
        raise BadEnvelope("a program whose features are not named once each")
    return found


def _columns(file: ScaledFile | ThermometerFile) -> int:
    return len(file.shift) if isinstance(file, ScaledFile) else file.features


def whole_numbers(values: Any, low: int, high: int, most: int) -> np.ndarray:
    """Return a list of whole numbers from outside, (n,) int64.

    Raises:
        BadEnvelope: something else, or a number outside ``low`` to ``high``, or more than ``most``.
    """
    fine = isinstance(values, Sequence) and len(values) <= most
    if not fine or not all(type(one) is int and low <= one <= high for one in values):
        raise BadEnvelope(f"a list that does not hold at most {most:,} whole numbers from {low} to {high}")
    return np.array(values, np.int64)


@dataclass(frozen=True, eq=False)
class Described:
    """A public program, as far as its description tells what it does.

    Args:
        description: see `Description`.
    """

    description: Description

    @cached_property
    def _bytes(self) -> bytes:
        return written(self.description)

    def to_bytes(self) -> bytes:
        """Return what clients download."""
        return self._bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the program, in hexadecimal."""
        return hashlib.sha256(self._bytes).hexdigest()

    @cached_property
    def preparation(self) -> Preparation:
        """What the client does with a row before it encrypts it."""
        return self.description.prepare()

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Return the class of each row, (n,)."""
        return self.description.decide(scores)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each class, (n, classes)."""
        return self.description.probabilities(scores)

    def check_body(self, body: bytes) -> None:
        """Check that a server holds what the description names.

        Raises:
            ModelUnreadable: it does not.
        """
        if hashlib.sha256(body).hexdigest() != self.description.body:
            raise ModelUnreadable(
                "the weights are not those of the public program", why="one of the two was altered or exchanged"
            )
