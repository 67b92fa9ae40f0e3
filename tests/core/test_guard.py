"""The Guard: order of hooks, refusals that hold, failures closed and open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from casemate.core.build import build
from casemate.core.control import Control
from casemate.core.errors import ControlFailed, ShapeMismatch
from casemate.core.guard import Guard
from casemate.core.request import REFUSED, Prediction, ProcessMemory, Request
from fakes import AlarmAll, Broken, NearestNeighbour, RefuseLeft, fit, points, square

ROWS = np.array([[0.1, 0.5], [0.3, 0.5], [0.7, 0.5], [0.9, 0.5]])


def model() -> NearestNeighbour:
    return fit(points(100), 0)


class Hooked(Control):
    """A control of two functions, for tests; it is not registered."""

    request: Callable[[Request], Any] | None
    response: Callable[[Request, Prediction], Any] | None

    id = "testing.hooked"
    mitigates = ()
    limit = ""
    module = __name__

    def __init__(
        self,
        request: Callable[[Request], Any] | None = None,
        response: Callable[[Request, Prediction], Any] | None = None,
        on_error: Any = "closed",
    ) -> None:
        hooks = tuple(name for name, given in (("on_request", request), ("on_response", response)) if given)
        self.__dict__.update(request=request, response=response, on_error=on_error, hooks=hooks)  # it is frozen

    def on_request(self, request: Request) -> Request:
        assert self.request is not None
        made: Request = self.request(request)
        return made

    def on_response(self, request: Request, prediction: Prediction) -> Prediction:
        assert self.response is not None
        made: Prediction = self.response(request, prediction)
        return made


def ask(*controls: Any, X: np.ndarray = ROWS, **options: Any) -> Prediction:
    return Guard(model(), controls, **options).ask(Request(X))


# Answers.


def test_without_controls_the_model_answers() -> None:
    reply = ask()
    assert reply.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(reply.scores, model().scores(ROWS))
    assert not reply.refused.any()
    assert not reply.alarmed.any()


def test_scores_are_withheld_by_the_surface_and_by_a_model_without_any() -> None:
    assert ask(surface="labels").scores is None
    labels_only = replace(model(), gives_scores=False)
    assert Guard(labels_only).ask(Request(ROWS)).scores is None


def test_no_rows_no_question() -> None:
    fake = model()
    reply = Guard(fake, (RefuseLeft(), AlarmAll())).ask(Request(np.empty((0, 2))))  # type: ignore[arg-type]
    assert len(reply) == 0
    assert reply.scores is not None
    assert reply.scores.shape == (0, 2)
    assert fake.asked == []


# Order.


def test_requests_pass_in_order_and_answers_in_reverse() -> None:
    seen: list[str] = []

    def note(name: str) -> Hooked:
        def request(request: Request) -> Request:
            seen.append(f"{name}?")
            return request

        def response(_: Request, prediction: Prediction) -> Prediction:
            seen.append(f"{name}!")
            return prediction

        return Hooked(request, response)

    ask(note("a"), note("b"), note("c"))
    assert seen == ["a?", "b?", "c?", "c!", "b!", "a!"]


def test_a_control_sees_the_rows_as_earlier_ones_left_them_and_the_model_as_the_last_did() -> None:
    mirror = Hooked(lambda request: request.rewrite(1 - request.X))
    assert ask(mirror).labels.tolist() == [1, 1, 0, 0]
    assert ask(mirror, RefuseLeft()).refused.tolist() == [False, False, False, True]
    assert ask(RefuseLeft(), mirror).refused.tolist() == [True, False, False, False]


# Refusals hold.


def test_refused_rows_never_reach_the_model() -> None:
    fake = model()
    reply = Guard(fake, (RefuseLeft(line=0.5),)).ask(Request(ROWS))  # type: ignore[arg-type]
    assert fake.asked == [2]
    assert reply.labels.tolist() == [REFUSED, REFUSED, 1, 1]
    assert np.isnan(np.asarray(reply.scores)[:2]).all()
    Guard(fake, (RefuseLeft(line=2.0),)).ask(Request(ROWS))  # type: ignore[arg-type]
    assert fake.asked == [2], "with every row refused the model is not asked at all"


def _forgetful(request: Request) -> Request:
    return Request(request.X)


def _pardon(_: Request, prediction: Prediction) -> Prediction:
    none = np.zeros(len(prediction), dtype=bool)
    return Prediction(np.ones(len(prediction), dtype=np.int64), np.full((len(prediction), 2), 0.5), none, none)


@pytest.mark.parametrize(
    "careless",
    [Hooked(_forgetful), Hooked(response=_pardon), Hooked(_forgetful, _pardon)],
    ids=["ask", "reply", "both"],
)
@pytest.mark.parametrize("last", [True, False])
def test_no_control_can_undo_what_another_decided(careless: Hooked, last: bool) -> None:
    strict: tuple[Any, ...] = (RefuseLeft(), AlarmAll())
    reply = ask(*((*strict, careless) if last else (careless, *strict)))
    assert reply.refused.tolist() == [True, False, False, False]
    assert reply.alarmed.all()
    assert reply.labels[0] == REFUSED
    assert np.isnan(np.asarray(reply.scores)[0]).all()


def test_no_control_can_undo_a_refusal_of_an_answer() -> None:
    refusing = Hooked(response=lambda _, p: p.refuse(np.array([False, True, False, False])))
    for controls in ((refusing, Hooked(response=_pardon)), (Hooked(response=_pardon), refusing)):
        reply = ask(*controls)
        assert reply.refused.tolist() == [False, True, False, False]
        assert reply.labels[1] == REFUSED


def test_no_control_can_show_scores_that_were_withheld() -> None:
    hiding = Hooked(response=lambda _, p: p.labels_only())
    assert ask(Hooked(response=_pardon), hiding).scores is None
    assert ask(Hooked(response=_pardon), surface="labels").scores is None


def test_client_time_and_memory_outlast_a_control_that_makes_a_new_request() -> None:
    memory, seen = ProcessMemory(), []

    def count(request: Request) -> Request:
        seen.append((request.client, request.time, request.memory.tally("k", 1).tolist()))
        return request

    guard = Guard(model(), (Hooked(_forgetful), Hooked(count)))
    for _ in range(2):
        guard.ask(Request(ROWS, client="c", time=9.0, memory=memory))
    assert seen == [("c", 9.0, [1]), ("c", 9.0, [2])]


# Failures.


def _raise(*_: Any) -> Any:
    raise RuntimeError("out of order")


FAILURES = {
    "raises": _raise,
    "returns nothing": lambda *_: None,
    "loses rows": lambda *a: Request(a[0].X[1:]) if len(a) == 1 else replace(a[1], labels=a[1].labels[1:]),
    "marks too few rows": lambda *a: replace(a[-1], refused=np.zeros(2, dtype=bool)),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("at", ["request", "response"])
def test_a_control_that_fails_closed_refuses_every_row(failure: Any, at: str, caplog: pytest.LogCaptureFixture) -> None:
    fake = model()
    reply = Guard(fake, (Hooked(**{at: failure}),)).ask(Request(ROWS))
    assert reply.refused.all()
    assert (reply.labels == REFUSED).all()
    assert fake.asked == ([] if at == "request" else [4])
    assert "testing.hooked failed" in caplog.text


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("at", ["request", "response"])
def test_a_control_that_fails_open_is_passed_over_and_logged(
    failure: Any, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply = ask(Hooked(**{at: failure}, on_error="open"), RefuseLeft())
    assert reply.refused.tolist() == [True, False, False, False], "the others still do their work"
    assert reply.labels.tolist() == [REFUSED, 0, 1, 1]
    assert "testing.hooked failed" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_both_hooks_of_a_registered_control_fail_as_it_says() -> None:
    assert ask(Broken()).refused.all()
    assert not ask(Broken(on_error="open")).refused.any()


# The model.


@dataclass(frozen=True, eq=False)
class Odd(NearestNeighbour):
    """A model that answers with whatever a function makes of proper scores."""

    spoil: Callable[[np.ndarray], np.ndarray] = np.asarray

    def scores(self, X: np.ndarray) -> np.ndarray:
        return self.spoil(super().scores(X))


def odd(spoil: Callable[[np.ndarray], np.ndarray]) -> Guard:
    data = points(100)
    return Guard(Odd(data.X, data.y, spoil=spoil))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_without_finite_scores_is_refused(value: float, caplog: pytest.LogCaptureFixture) -> None:
    def spoil(scores: np.ndarray) -> np.ndarray:
        scores[1, 0] = value
        return scores

    reply = odd(spoil).ask(Request(ROWS))
    assert reply.refused.tolist() == [False, True, False, False]
    assert reply.labels.tolist() == [0, REFUSED, 1, 1]
    assert "1 of 4 rows" in caplog.text


@pytest.mark.parametrize("spoil", [lambda s: s[:1], lambda s: s[0], lambda s: s[:, :1], lambda s: s.T])
def test_scores_of_another_shape_are_not_spread_over_the_rows(spoil: Any) -> None:
    with pytest.raises(ShapeMismatch, match="4 rows"):
        odd(spoil).ask(Request(ROWS))


def test_an_error_of_the_model_is_the_callers_to_handle() -> None:
    with pytest.raises(RuntimeError, match="out of order"):
        odd(_raise).ask(Request(ROWS))


# Building the Guard.


@pytest.mark.parametrize("hook", ["on_data", "on_model", "calibrate"])
@pytest.mark.parametrize("failure", [_raise, lambda *_: None], ids=["raises", "returns nothing"])
def test_a_control_that_cannot_be_built_names_its_hook(
    hook: str, failure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RefuseLeft, hook, failure)
    monkeypatch.setattr(RefuseLeft, "hooks", (*RefuseLeft.hooks, hook))
    with pytest.raises(ControlFailed, match=rf"testing\.refuse-left failed in {hook}: (out of order|it returned)"):
        build(square(60, RefuseLeft()), 0)  # type: ignore[arg-type]
