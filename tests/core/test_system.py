from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from casemate.core.build import build, trains
from casemate.core.control import Fitting, control
from casemate.core.dataset import Dataset
from casemate.core.errors import ControlFailed, RecipeMissing, ShapeMismatch, UnknownName
from casemate.core.model import Model, PlainRecipe
from casemate.core.request import Request
from fakes import AlarmAll, Majority, NearestNeighbour, RefuseLeft, fit, points, square


@control("testing.fails", mitigates=(), limit="everything; made for tests")
class Fails:
    """Raise while the system is being built."""

    def on_data(self, fitting: Fitting) -> Dataset:
        raise KeyError("column")


@control("testing.swap", mitigates=(), limit="nothing; made for tests")
class Swap:
    """Replace recipe and model by ones that always say no."""

    where: str = "model"

    def on_fit(self, train, fitting: Fitting):
        return train if self.where == "model" else lambda data, seed: always_no(data)

    def on_model(self, model: Model, fitting: Fitting) -> Model:
        return always_no(fitting.data) if self.where == "model" else model


@control("testing.draws", mitigates=(), limit="nothing; made for tests")
class Draws:
    """Remember a random number."""

    drawn: float = 0.0

    def calibrate(self, model: Model, fitting: Fitting):
        return replace(self, drawn=float(fitting.rng.random()))


def always_no(data: Dataset) -> NearestNeighbour:
    return NearestNeighbour(data.X[:1], np.zeros(1, int))


def test_systems_are_changed_by_making_new_ones():
    bare = square(20)
    made = bare.with_(RefuseLeft(), AlarmAll())
    assert bare.controls == ()
    assert [c.id for c in made.controls] == ["testing.refuse-left", "testing.alarm-all"]
    assert [c.id for c in made.without("testing.refuse-left").controls] == ["testing.alarm-all"]
    assert [c.id for c in made.only("testing.refuse-left").controls] == ["testing.refuse-left"]
    assert made.bare().controls == ()


def test_a_control_that_is_not_there_is_told():
    with pytest.raises(UnknownName, match=r"Did you mean 'testing.refuse-left'"):
        square(20, RefuseLeft()).without("testing.refuse-lft")


def test_the_digest_covers_data_recipe_and_controls():
    base = square(20)
    others = [
        square(21),
        square(20, RefuseLeft()),
        square(20, RefuseLeft(line=0.3)),
        replace(base, surface="labels"),
        replace(base, trusted=points(5)),
        replace(base, recipe=PlainRecipe(lambda data, seed: fit(data, seed))),
        replace(base, model_digest="x"),
    ]
    assert len({s.digest for s in (base, *others)}) == len(others) + 1
    assert base.digest == square(20).digest


def test_an_artefact_serves_unless_training_is_needed():
    artefact = fit(points(30), 0)
    shipped = square(20, model=artefact)
    assert build(shipped, 0).guard.model is artefact
    assert build(shipped, 0).trained == 0
    assert build(shipped, 0, retrain=True).guard.model is not artefact
    assert not trains(shipped)
    assert trains(shipped.with_(Majority()))
    assert build(shipped.with_(Majority()), 0).trained == 1


def test_without_a_recipe_training_is_refused():
    with pytest.raises(RecipeMissing, match="square"):
        build(square(20, recipe=None, model=fit(points(30), 0)), 0, retrain=True)


def test_controls_shape_data_training_and_model():
    poisoned = points(40).relabel(np.arange(10), 1 - points(40).y[:10])
    assert len(build(square(20, Majority()), 0, poisoned).data) == 30
    for where in ("model", "recipe"):
        guard = build(square(20, Swap(where=where)), 0).guard
        assert guard.ask(Request(np.array([[0.9, 0.5]]))).labels.tolist() == [0]


def test_controls_draw_the_same_numbers_in_every_arm():
    alone = build(square(20, Draws()), 5).guard.controls[0]
    in_company = build(square(20, RefuseLeft(), Draws(), AlarmAll()), 5).guard.controls[1]
    another = build(square(20, Draws()), 6).guard.controls[0]
    assert alone.drawn == in_company.drawn != another.drawn  # type: ignore[attr-defined]
    assert square(20, Draws()).controls[0].drawn == 0.0  # type: ignore[attr-defined]


def test_a_control_that_fails_is_named():
    with pytest.raises(ControlFailed, match="testing.fails failed in on_data"):
        build(square(20, Fails()), 0)


def test_a_model_that_does_not_fit_the_data_is_told():
    wide = NearestNeighbour(np.zeros((1, 3)), np.zeros(1, int))
    with pytest.raises(ShapeMismatch, match="the model takes 3 inputs"):
        build(square(20, model=wide, recipe=None), 0)
    many = NearestNeighbour(np.zeros((1, 2)), np.zeros(1, int), classes=7)
    with pytest.raises(ShapeMismatch, match="7 classes"):
        build(square(20, model=many, recipe=None), 0)


def test_the_same_rows_and_seed_are_trained_once():
    calls = []

    def counting(data: Dataset, seed: int) -> NearestNeighbour:
        calls.append(seed)
        return fit(data, seed)

    system = square(20, recipe=PlainRecipe(counting))
    build(system, 0)
    build(system.with_(RefuseLeft()), 0)
    assert len(calls) == 1
    build(system, 1)
    assert len(calls) == 2


def test_models_without_a_digest_are_told_apart_by_their_content():
    data = square(20).train
    model = NearestNeighbour(data.X, data.y)
    one, same, other = (square(20, recipe=None, model=m) for m in (model, model, replace(model, y=1 - data.y)))
    assert one.digest == same.digest != other.digest
    unknown = NearestNeighbour(data.X, data.y, kind=lambda: "cannot be pickled")  # type: ignore[arg-type]
    assert square(20, model=unknown).digest != square(20, model=unknown).digest
