"""What answers for a system."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from casemate.core.errors import ModelMissing, PickleRefused, SystemFileError
from casemate.core.schema import Schema
from casemate.systems.answering import answering, check_model
from casemate.systems.data import load_data
from casemate.systems.declaration import DataTable, EndpointTable, ModelTable
from casemate.systems.lines import Lines
from casemate.systems.recipe import RecipeRef

ENDPOINT = EndpointTable(url="https://host", model="m")


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_data(DataTable(train="sklearn:iris", test_share=0.5), Path()).train.schema


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        (ModelTable(), "model", "names nothing that answers"),
        (ModelTable(artefact="m.skops", endpoint=ENDPOINT), "model.endpoint", "both an artefact and an endpoint"),
        (ModelTable(recipe="a:b", format="skops"), "model.format", "speaks of an artefact"),
        (ModelTable(recipe="a:b", factory="a:b"), "model.factory", "speaks of an artefact"),
        (ModelTable(endpoint=ENDPOINT, allow_pickle=True), "model.allow-pickle", "speaks of an artefact"),
    ],
)
def test_contradictions_are_told(table: ModelTable, key: str, message: str) -> None:
    with pytest.raises(SystemFileError, match=message) as caught:
        check_model(table, Lines())
    assert caught.value.where == key


@pytest.mark.parametrize(
    "table",
    [
        ModelTable(recipe="a:b"),
        ModelTable(artefact="m.skops"),
        ModelTable(artefact="m.safetensors", factory="a:b", recipe="a:b"),
        ModelTable(endpoint=ENDPOINT, recipe="a:b"),
    ],
)
def test_what_answers_passes(table: ModelTable) -> None:
    check_model(table, Lines())


def test_a_recipe_alone_ships_nothing(schema: Schema, tmp_path: Path) -> None:
    made = answering(ModelTable(recipe="train:fit", time_limit=5, input="frame"), schema, tmp_path)
    assert made.recipe == RecipeRef("train:fit", tmp_path, 5.0, True)
    assert (made.model, made.digest, made.teacher) == (None, "", None)


def test_an_artefact_is_loaded_and_its_content_is_the_digest(schema: Schema, tmp_path: Path) -> None:
    import skops.io
    from sklearn.datasets import load_iris
    from sklearn.naive_bayes import GaussianNB

    bunch = load_iris()
    bayes = GaussianNB().fit(bunch.data, bunch.target)
    skops.io.dump(bayes, tmp_path / "m.skops")
    made = answering(ModelTable(artefact="m.skops"), schema, tmp_path)
    assert made.model is not None
    np.testing.assert_array_equal(made.model.scores(bunch.data), bayes.predict_proba(bunch.data))
    skops.io.dump(bayes.set_params(var_smoothing=0.1).fit(bunch.data, bunch.target), tmp_path / "m.skops")
    assert answering(ModelTable(artefact="m.skops"), schema, tmp_path).digest != made.digest


def test_pickles_need_permission(schema: Schema, tmp_path: Path) -> None:
    import pickle

    from sklearn.datasets import load_iris
    from sklearn.tree import DecisionTreeClassifier

    bunch = load_iris()
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(DecisionTreeClassifier().fit(bunch.data, bunch.target)))
    with pytest.raises(PickleRefused):
        answering(ModelTable(artefact="m.pkl"), schema, tmp_path)
    assert answering(ModelTable(artefact="m.pkl", allow_pickle=True), schema, tmp_path).model is not None


def test_an_absent_artefact_is_told(schema: Schema, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        answering(ModelTable(artefact="m.skops"), schema, tmp_path)
