"""Declaring and configuring controls."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from msgspec import Meta

from casemate.core import registry
from casemate.core.control import HOOKS, Control, Fitting, configure, control, learned, option_fields, options_of
from casemate.core.errors import CasemateError, SystemFileError
from casemate.core.request import Prediction, Request


@control("testing.options", mitigates=("evasion",), limit="everything; made for tests")
class Options:
    """A control with every kind of option."""

    share: Annotated[float, Meta(gt=0, lt=1)]
    max_rows: Annotated[int, Meta(ge=1)] = 10
    mode: Literal["fast", "sure"] = "fast"
    columns: tuple[str, ...] = ()
    limit_or_none: int | None = None
    centre: Any = learned()

    def calibrate(self, model: Any, fitting: Fitting) -> Options:
        return dataclasses.replace(self, centre=np.ones(2))

    def on_request(self, request: Request) -> Request:
        return request


KIND: type[Control] = Options  # type: ignore[assignment]


@pytest.fixture
def clean_registry() -> Iterator[None]:
    held = registry._found["control"]
    registry._found["control"] = dict(held)
    yield
    registry._found["control"] = held


# Declaring.


def test_a_declared_class_is_a_registered_control_with_its_claim() -> None:
    assert issubclass(Options, Control)
    assert registry._found["control"]["testing.options"] is Options
    assert (KIND.id, KIND.mitigates, KIND.limit) == ("testing.options", ("evasion",), "everything; made for tests")
    assert KIND.module == __name__
    assert Options.__doc__ == "A control with every kind of option."


def test_hooks_are_those_that_the_class_defines() -> None:
    assert KIND.hooks == ("calibrate", "on_request")


def test_hooks_may_be_inherited_and_the_base_may_be_named(clean_registry: None) -> None:
    class Answering:
        def on_response(self, request: Request, prediction: Prediction) -> Prediction:
            return prediction.labels_only()

    mixed: Any = control("testing.mixed", mitigates=(), limit="")(type("Mixed", (Answering,), {}))
    named: Any = control("testing.named", mitigates=(), limit="")(type("Named", (Control,), {}))
    child: Any = control("testing.child", mitigates=(), limit="")(type("Child", (Options,), {"__annotations__": {}}))
    assert mixed.hooks == ("on_response",)
    assert issubclass(mixed, Control)
    assert named.hooks == ()
    assert named().on_error == "closed"
    assert child.hooks == KIND.hooks
    assert child(share=0.5).share == 0.5


def test_a_method_may_call_its_bases_without_naming_them(clean_registry: None) -> None:
    class Answering:
        def on_response(self, request: Request, prediction: Prediction) -> Prediction:
            return prediction.labels_only()

    @control("testing.super", mitigates=(), limit="")
    class Inheriting(Answering):
        def on_response(self, request: Request, prediction: Prediction) -> Prediction:
            return super().on_response(request, prediction)

    none = np.zeros(1, dtype=bool)
    made: Any = Inheriting()
    assert (
        made.on_response(Request(np.zeros((1, 1))), Prediction(np.zeros(1), np.ones((1, 2)), none, none)).scores is None
    )
    assert isinstance(made, Control)


def test_on_error_is_listed_after_a_controls_own_options() -> None:
    assert list(option_fields(KIND))[-1] == "on-error"
    assert "centre" not in option_fields(KIND)


def test_hooks_that_are_not_defined_do_nothing(clean_registry: None) -> None:
    made: Any = control("testing.idle", mitigates=(), limit="")(type("Idle", (), {}))()
    fitting = Fitting("data", None, None, np.random.default_rng(0), 0)  # type: ignore[arg-type]
    assert made.hooks == ()
    assert made.on_data(fitting) == "data"
    assert made.on_fit("train", fitting) == "train"
    assert made.on_model("model", fitting) == "model"
    assert made.calibrate("model", fitting) is made
    assert made.on_request("request") == "request"
    assert made.on_response("request", "prediction") == "prediction"
    assert made.on_release("release", "fitting") == "release"
    assert made.on_wire("wire") == "wire"
    at_run_time = {"on_request", "on_response", "on_wire"}
    assert set(HOOKS) == {"on_data", "on_fit", "on_model", "calibrate", "on_release"} | at_run_time


def test_two_modules_cannot_share_an_id(clean_registry: None) -> None:
    other = type("Options", (), {"__module__": "somewhere.else"})
    with pytest.raises(CasemateError, match=r"two controls call themselves 'testing\.options'") as error:
        control("testing.options", mitigates=(), limit="")(other)
    assert "somewhere.else" in str(error.value.where)


def test_controls_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options(share=0.5).share = 0.6  # type: ignore[misc]


def test_controls_pickle_with_what_they_learned() -> None:
    made = Options(share=0.25).calibrate(None, None)  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(made))
    assert options_of(again) == options_of(made)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.centre, made.centre)


# Options.


def test_options_are_in_kebab_case_without_what_is_learned() -> None:
    assert options_of(configure(KIND, {"share": 0.5})) == {
        "share": 0.5,
        "max-rows": 10,
        "mode": "fast",
        "columns": (),
        "limit-or-none": None,
        "on-error": "closed",
    }


def test_values_of_a_system_file_become_options() -> None:
    made: Any = configure(
        KIND,
        {"share": 0.1, "max-rows": 3, "mode": "sure", "columns": ["a", "b"], "limit-or-none": 4, "on-error": "open"},
    )
    assert (made.share, made.max_rows, made.mode, made.columns) == (0.1, 3, "sure", ("a", "b"))
    assert (made.limit_or_none, made.on_error, made.centre) == (4, "open", None)


@pytest.mark.parametrize(
    ("options", "message", "where"),
    [
        ({"share": 0.5, "max-row": 3}, r"no option 'max-row'. Did you mean 'max-rows'\?", "max-row"),
        ({"share": 0.5, "max_rows": 3}, r"no option 'max_rows'. Did you mean 'max-rows'\?", "max_rows"),
        ({"share": 0.5, "on-eror": "open"}, "Did you mean 'on-error'", "on-eror"),
        ({"share": 0.5, "centre": 1}, "no option 'centre'", "centre"),
        ({"share": 0.5, "id": "x"}, "no option 'id'", "id"),
        ({}, "needs the option 'share'", "share"),
        ({"share": 0}, "'share': .*> 0", "share"),
        ({"share": 1.0}, "'share': .*< 1", "share"),
        ({"share": float("nan")}, "'share'", "share"),
        ({"share": "0.5"}, "'share': .*got `str`", "share"),
        ({"share": True}, "'share': .*got `bool`", "share"),
        ({"share": 0.5, "max-rows": 2.5}, "'max-rows': .*got `float`", "max-rows"),
        ({"share": 0.5, "max-rows": 0}, "'max-rows': .*>= 1", "max-rows"),
        ({"share": 0.5, "mode": "slow"}, "'mode': .*'slow'", "mode"),
        ({"share": 0.5, "columns": "ab"}, "'columns'", "columns"),
        ({"share": 0.5, "columns": [1]}, "'columns'", "columns"),
        ({"share": 0.5, "on-error": "shrug"}, "'on-error'", "on-error"),
    ],
)
def test_mistakes_name_the_option_and_what_is_wrong(options: dict[str, Any], message: str, where: str) -> None:
    with pytest.raises(SystemFileError, match=message) as error:
        configure(KIND, options)
    assert error.value.where == where


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(SystemFileError) as error:
        configure(KIND, {"zzz": 1})
    assert error.value.fix == "its options are: share, max-rows, mode, columns, limit-or-none, on-error"


def test_digests_follow_id_and_options_and_nothing_else() -> None:
    one, same, other = (configure(KIND, {"share": share}) for share in (0.5, 0.5, 0.25))
    assert one.digest() == same.digest() != other.digest()
    assert one.calibrate(None, None).digest() == one.digest()  # type: ignore[arg-type]
    assert configure(KIND, {"share": 0.5, "on-error": "open"}).digest() != one.digest()
