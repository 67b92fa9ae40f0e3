"""Digests of functions: alike where they do the same, and never alike where they do not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from casemate.core.build import build
from casemate.core.functions import function_digest
from casemate.core.model import Model, PlainRecipe
from fakes import NearestNeighbour, square

SHIFT = 1


def helper(x: int) -> int:
    return x + SHIFT


def caller(x: int) -> int:
    return helper(x)


def around(value: Any) -> Callable[[], Any]:
    return lambda: value


def recursive(n: int) -> int:
    return n if n == 0 else recursive(n - 1)


def test_the_same_function_has_the_same_digest():
    assert function_digest(caller) == function_digest(caller) is not None
    assert function_digest(around(3)) == function_digest(around(3))
    assert function_digest(recursive) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: 1, lambda: 2),
        (lambda x: x + 1, lambda x: x - 1),
        (lambda x=1: x, lambda x=2: x),
        (lambda *, x=1: x, lambda *, x=2: x),
        (lambda: [-i for i in (1, 2)], lambda: [-i for i in (1, 3)]),
        (around(1), around(2)),
        (around(np.arange(3)), around(np.arange(4))),
        (around(helper), around(caller)),
        (np.zeros, np.ones),
        (lambda x: np.sin(x), lambda x: np.cos(x)),
    ],
)
def test_different_functions_differ(one: Callable[..., Any], other: Callable[..., Any]):
    assert function_digest(one) != function_digest(other)


def test_globals_are_followed_through_functions(monkeypatch: pytest.MonkeyPatch):
    before = function_digest(caller)
    monkeypatch.setitem(globals(), "SHIFT", 2)
    assert function_digest(caller) != before


def local_class() -> type:
    class Local:
        pass

    return Local


@functools.cache
def cached() -> int:
    return 1


@pytest.mark.parametrize(
    "unknown",
    [
        functools.partial(caller, 1),
        around(object()),
        around([1]),
        around(functools.partial(max)),
        around(local_class()),
        around(cached),
    ],
)
def test_what_cannot_be_read_has_none(unknown: Callable[..., Any]):
    assert function_digest(unknown) is None


def always(label: int) -> PlainRecipe:
    def train(data: Any, seed: int) -> Model:
        del seed
        return NearestNeighbour(data.X, np.full(len(data), label))

    return PlainRecipe(train)


def always_by_an_object(label: int) -> PlainRecipe:
    inner = always(label).function
    return PlainRecipe(functools.partial(inner))


@pytest.mark.parametrize("made", [always, always_by_an_object])
def test_closures_of_one_name_never_get_each_others_models(made: Callable[[int], PlainRecipe]):
    answers = [
        build(square(30, recipe=made(label)), 0).guard.model.scores(np.full((1, 2), 0.5)).argmax() for label in (0, 1)
    ]
    assert answers == [0, 1]
    one, other = (square(30, recipe=made(label)).digest for label in (0, 1))
    assert one != other, "the evidence cache is keyed by it"


def test_a_recipe_that_cannot_be_read_still_has_one_digest_of_its_own():
    recipe = always_by_an_object(1)
    assert recipe.digest == recipe.digest != always_by_an_object(1).digest
