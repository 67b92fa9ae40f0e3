"""Guard: the request-time composition of a system's controls around its model. No HTTP in here.

The gateway wraps a Guard, and an assessment's Target asks through one: the same object in both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from casemate.core.control import Control
from casemate.core.model import Model
from casemate.core.request import REFUSED, Memory, Prediction, ProcessMemory, Request

log = logging.getLogger("casemate.guard")

Surface = Literal["scores", "labels"]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Guard:
    """A model behind its controls.

    Args:
        model: the trained model, as `on_model` hooks left it.
        controls: calibrated controls in the system's order; responses pass them in reverse.
        surface: whether clients are given scores at all.
        memory: counters that outlive a request.
    """

    model: Model
    controls: tuple[Control, ...] = ()
    surface: Surface = "scores"
    memory: Memory = field(default_factory=ProcessMemory)

    def ask(self, request: Request) -> Prediction:
        """Answer a request.

        Rows that a control refuses never reach the model. A control that raises does what its ``on_error`` says:
        ``closed`` refuses every row of the request, ``open`` goes on without it; both are logged.
        """
        for control in self.controls:
            if "on_request" in control.hooks:
                request = _guarded(control, request, control.on_request, _refuse_request)
        prediction = self._predict(request)
        for control in reversed(self.controls):
            if "on_response" in control.hooks:
                prediction = _respond(control, request, prediction)
        # A control may answer for a refused row by mistake; what was refused stays refused.
        return prediction.refuse(request.refused)

    def _predict(self, request: Request) -> Prediction:
        n, open_rows = len(request), ~request.refused
        scores = np.full((n, self.model.classes), np.nan)
        labels = np.full(n, REFUSED, dtype=np.int64)
        if open_rows.any():
            rows = request.X if open_rows.all() else request.X[open_rows]
            answered = self.model.scores(rows)
            scores[open_rows] = answered
            labels[open_rows] = answered.argmax(axis=1)
        shown = scores if self.surface == "scores" and self.model.gives_scores else None
        return Prediction(labels, shown, request.refused.copy(), request.alarmed.copy())


def _guarded(control: Control, state: T, hook: Callable[[T], T], close: Callable[[Control, T], T]) -> T:
    try:
        return hook(state)
    except Exception:
        log.exception("control %s failed at run time; its policy is %r", control.id, control.on_error)
        return close(control, state) if control.on_error == "closed" else state


def _refuse_request(control: Control, request: Request) -> Request:
    return request.refuse(np.ones(len(request), dtype=bool), control.id, "the control failed")


def _respond(control: Control, request: Request, prediction: Prediction) -> Prediction:
    def close(control: Control, prediction: Prediction) -> Prediction:
        return prediction.refuse(np.ones(len(prediction), dtype=bool))

    return _guarded(control, prediction, lambda p: control.on_response(request, p), close)
