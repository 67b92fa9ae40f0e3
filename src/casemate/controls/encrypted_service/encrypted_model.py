"""A model whose answers are computed on ciphertexts, as a Guard asks it.

Attacks ask by the ten thousand, and a ciphertext takes milliseconds. So the Guard is answered by the circuit that the
ciphertexts carry, in the clear: the same numbers, without the noise of encryption, which differs each time and would
only be in an attacker's way. Rows whose numbers grow beyond what the program was calibrated on are really encrypted,
since there the two may part. That the two agree is checked on encrypted rows when a system is built, and measured on
test rows when it is priced.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.controls.encrypted_service.in_process import InProcess
from casemate.controls.homomorphic.circuits import Circuit, Scaled
from casemate.controls.homomorphic.compiling import MARGIN
from casemate.core.errors import ControlFailed
from casemate.core.model import Model

if TYPE_CHECKING:
    import torch

    from casemate.core.trees import TreeEnsemble

SLACK = 0.95
"""Share of the margin of a program's numbers within which its circuit speaks for it."""


@dataclass(frozen=True, eq=False)
class EncryptedModel:
    """A model as a program on ciphertexts.

    Args:
        inner: the model in the clear. White-box attackers know its weights and differentiate through it.
        circuit: what the program computes.
        wire: the program, its client and its server.
        tolerance: by how much a score may be off.
        most: the largest absolute number after each step of the circuit, on calibration rows, (steps,).
    """

    inner: Model
    circuit: Circuit
    wire: InProcess
    tolerance: float
    most: np.ndarray

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return f"{self.inner.kind} on ciphertexts"

    @property
    def features(self) -> int:
        """Number of inputs."""
        return self.inner.features

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.inner.classes

    @property
    def gives_scores(self) -> bool:
        """Whether clients can make confidences of what they decrypt."""
        return self.circuit.answer != "margins"

    def takes(self, X: np.ndarray) -> np.ndarray:
        """Return which rows (n, d) a client encrypts, (n,) bool: finite ones, within the program's range."""
        fine, preparation = np.isfinite(X).all(axis=1), self.circuit.preparation
        if isinstance(preparation, Scaled):
            fine &= ((preparation.low <= X) & (preparation.high >= X)).all(axis=1)
        return np.asarray(fine)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities, (n, classes); NaN for rows that clients refuse to encrypt or to believe."""
        out = np.full((len(X), self.classes), np.nan)
        taken = np.flatnonzero(self.takes(X))
        if not len(taken):
            return out
        scores, usual = self._computed(X[taken])
        out[taken[usual]] = self.circuit.probabilities(scores[usual])
        for row in taken[~usual]:
            opened = self._exchanged(X[row])
            out[row] = np.nan if opened is None else opened[1]
        return out

    def network(self) -> torch.nn.Module | None:
        """The model in the clear, where it is differentiable: the circuit's scores are nearly its own."""
        return self.inner.network()

    def trees(self) -> TreeEnsemble | None:
        """The model's trees, where it is made of some."""
        return self.inner.trees()

    def check(self, X: np.ndarray) -> None:
        """Compute rows (n, d) under encryption, through the whole service.

        Raises:
            ControlFailed: an answer is off by more than the tolerance, or none came.
        """
        wanted, _ = self._computed(X)
        for row, scores in zip(X, wanted, strict=True):
            opened = self._exchanged(row)
            off = np.inf if opened is None else float(np.abs(opened[0] - scores).max())
            if off > self.tolerance:
                raise ControlFailed(
                    f"a score on ciphertexts is off by {off:.3g}, and {self.tolerance:.3g} is accepted",
                    where="encryption.homomorphic",
                    why="clients would be given other answers than those that are assessed",
                    fix="calibrate on more rows, or accept a larger tolerance",
                )

    def _computed(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The circuit's scores, (n, outputs), and whether all numbers on the way are of the usual size, (n,) bool."""
        values, usual = self.circuit.preparation(X), np.ones(len(X), dtype=bool)
        for step, most in zip(self.circuit.steps, self.most, strict=True):
            values = step(values)
            usual &= np.abs(values).max(axis=1) <= SLACK * MARGIN * most
        return values, usual | self._linear

    @cached_property
    def _linear(self) -> bool:
        """Whether it is one layer: its range says all, and nothing can wrap around within it."""
        return len(self.circuit.steps) == 1

    def _exchanged(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Numbers and probabilities of a row that was really encrypted."""
        (message,) = self.wire.ask(row[None])
        reply = self.wire.answer(message)
        opened = None if reply is None else self.wire.read(message, reply)
        return None if opened is None else (opened.numbers, opened.scores)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_linear"}


def sizes(circuit: Circuit, X: np.ndarray) -> np.ndarray:
    """Return the largest absolute number after each step on rows (n, d), (steps,)."""
    values, found = circuit.preparation(X), []
    for step in circuit.steps:
        values = step(values)
        found.append(float(np.abs(values).max()))
    return np.array(found)
