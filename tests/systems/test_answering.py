"""What answers for a system."""

from __future__ import annotations

import dataclasses
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from casemate.core.errors import ModelMissing, PickleRefused, SystemFileError
from casemate.core.schema import Schema
from casemate.systems.answering import answering, check_model
from casemate.systems.data import load_data
from casemate.systems.declaration import DataTable, EndpointTable, ModelTable, TeacherTable
from casemate.systems.lines import Lines, locate
from casemate.systems.models.endpoint import Endpoint
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


class Server(BaseHTTPRequestHandler):
    """Speaks as much of the Open Inference Protocol as one model needs: the class is told by the petal's length."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        tensors = (
            {"name": "rows", "datatype": "FP64", "shape": [-1, 4]},
            {"name": "p", "datatype": "FP64", "shape": [-1, 3]},
        )
        self.answer({"name": "iris", "versions": ["1"], "inputs": [tensors[0]], "outputs": [tensors[1]]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shape = body["inputs"][0]["shape"]
        petal = np.reshape(body["inputs"][0]["data"], shape)[:, 2]
        scores = np.eye(3)[np.digitize(petal, [2.5, 4.9])]
        self.asked.append(self.headers["Authorization"])
        output = {"name": "p", "datatype": "FP64", "shape": [shape[0], 3], "data": scores.ravel().tolist()}
        self.answer({"model_name": "iris", "outputs": [output]})

    def answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_an_endpoint_is_asked_over_the_network(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRIS_TOKEN", "secret")
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        table = EndpointTable(
            url=f"http://127.0.0.1:{server.server_port}", model="iris", token_env="IRIS_TOKEN", batch=2
        )
        made = answering(ModelTable(endpoint=table), schema, Path())
        assert made.model is not None
        scores = made.model.scores(np.array([[5, 3, 1.5, 0.2], [6, 3, 4.5, 1.5], [6, 3, 6.0, 2.0]]))
        made.model.line.close()  # type: ignore[attr-defined]
        server.shutdown()
    np.testing.assert_array_equal(scores, np.eye(3))
    assert Server.asked == ["Bearer secret"] * 2
    assert made.digest


def test_every_setting_of_an_endpoint_has_a_key() -> None:
    settings = Endpoint("http://host", "m")
    assert msgspec.structs.asdict(EndpointTable(url="http://host", model="m")) == dataclasses.asdict(settings)


TEACHER = """import torch


def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
"""


def test_a_teacher_is_cut_at_its_layer(schema: Schema, tmp_path: Path) -> None:
    import torch

    (tmp_path / "iris_teacher.py").write_text(TEACHER)
    teacher = TeacherTable(factory="iris_teacher:make", layer="1")
    made = answering(ModelTable(recipe="a:b", teacher=teacher), schema, tmp_path).teacher
    assert made is not None
    assert made.layer == "1"
    assert made.features(torch.zeros(3, 4)).shape == (3, 5)


def test_a_layer_that_the_teacher_lacks_is_told_with_its_line(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "iris_teacher.py").write_text(TEACHER)
    lines = locate('[model.teacher]\nlayer = "features"\n', "casemate.toml")
    teacher = TeacherTable(factory="iris_teacher:make", layer="features")
    with pytest.raises(SystemFileError, match="no layer 'features'") as caught:
        answering(ModelTable(recipe="a:b", teacher=teacher), schema, tmp_path, lines)
    assert caught.value.where == "casemate.toml:2: model.teacher.layer"
