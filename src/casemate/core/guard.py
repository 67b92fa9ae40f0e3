"""Guard: the request-time composition of a system's controls around its model. No HTTP in here.

The gateway wraps a Guard, and an assessment's Target asks through one: the same object in both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np

from casemate.core.control import Control
from casemate.core.errors import ShapeMismatch
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

        Rows that a control refuses never reach the model, and no later control can answer for them, lift an alarm or
        show scores that were withheld. A row that the model gives no finite scores is refused. A control that raises,
        or returns something that does not fit, does what its ``on_error`` says: ``closed`` refuses every row of the
        request, ``open`` goes on without it; both are logged. An error of the model itself is the caller's to handle.
        """
        for control in self.controls:
            if "on_request" in control.hooks:
                request = _screened(control, request)
        prediction = self._predict(request)
        for control in reversed(self.controls):
            if "on_response" in control.hooks:
                prediction = _answered(control, request, prediction)
        if prediction.refused is request.refused:
            return prediction  # nobody touched it since, and its labels and scores say so already
        return prediction.refuse(request.refused)

    def _predict(self, request: Request) -> Prediction:
        n, refused = len(request), request.refused
        if n and (request.unmarked or not _any(refused)):  # the usual case, without the detour through masks
            scores = self._scores(request.X)
            labels = scores.argmax(axis=1)
        else:
            scores = np.full((n, self.model.classes), np.nan)
            labels = np.full(n, REFUSED, dtype=np.int64)
            if not refused.all():
                answer = self._scores(request.X[~refused])
                scores[~refused] = answer
                labels[~refused] = answer.argmax(axis=1)
        shown = scores if self.surface == "scores" and self.model.gives_scores else None
        prediction = Prediction(labels, shown, refused, request.alarmed)
        finite = np.isfinite(scores)
        if np.count_nonzero(finite) == finite.size:
            return prediction
        lost = ~refused & ~finite.all(axis=1)
        if lost.any():
            log.error("%s gave no finite scores for %d of %d rows; they are refused", self.model.kind, lost.sum(), n)
        return prediction.refuse(lost)

    def _scores(self, X: np.ndarray) -> np.ndarray:
        scores = np.asarray(self.model.scores(X), dtype=np.float64)
        if scores.shape != (len(X), self.model.classes):
            raise ShapeMismatch(
                f"the model answered {len(X)} rows with scores of shape {scores.shape}", where=self.model.kind
            )
        return scores


def _any(mask: np.ndarray) -> bool:
    return bool(np.count_nonzero(mask))  # a sixth of the time of any(): a model may answer within microseconds


def _screened(control: Control, before: Request) -> Request:
    """Pass a request through a control; of what it returns, rows, refusals, alarms and reasons count."""

    def hook() -> Request:
        after = control.on_request(before)
        _same_rows(len(before), len(after.X), len(after.refused), len(after.alarmed))
        return replace(
            before,
            X=after.X,
            refused=before.refused | after.refused,
            alarmed=before.alarmed | after.alarmed,
            reasons={**before.reasons, **after.reasons},
        )

    def closed() -> Request:
        return before.refuse(np.ones(len(before), dtype=bool), control.id, "the control failed")

    return _guarded(control, hook, before, closed)


def _answered(control: Control, request: Request, before: Prediction) -> Prediction:
    """Pass an answer through a control, which may change or withhold but never bring back what was withheld."""

    def hook() -> Prediction:
        after = control.on_response(request, before)
        scores = None if before.scores is None else after.scores
        _same_rows(
            len(before), len(after), len(after.refused), len(after.alarmed), len(after if scores is None else scores)
        )
        refused, alarmed = before.refused | after.refused, before.alarmed | after.alarmed
        return Prediction(after.labels, scores, refused, alarmed)

    def closed() -> Prediction:
        return before.refuse(np.ones(len(before), dtype=bool))

    return _guarded(control, hook, before, closed)


def _same_rows(rows: int, *lengths: int) -> None:
    """Raise ShapeMismatch where a control lost or added rows."""
    if any(length != rows for length in lengths):
        raise ShapeMismatch(f"{rows} rows went in, {lengths} came back", fix="refuse a row instead of dropping it")


def _guarded(control: Control, hook: Callable[[], T], unchanged: T, closed: Callable[[], T]) -> T:
    try:
        return hook()
    except Exception:
        log.exception("control %s failed at run time; its policy is %r", control.id, control.on_error)
        return closed() if control.on_error == "closed" else unchanged
