"""Model files of every format: whole, truncated, damaged, missing, hostile, and of the wrong shape."""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import onnx
import pytest
import skops.io
import torch
import xgboost
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_model
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from casemate.core.errors import (
    ExtraMissing,
    ModelMissing,
    ModelUnreadable,
    ModelUnsupported,
    PickleRefused,
    ShapeMismatch,
)
from casemate.core.schema import Column, Schema
from casemate.systems import unpacking
from casemate.systems.models import extras, load_model
from casemate.systems.models.program_scan import check

FACTORY = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(4, 2)
        self.tied = self.inner
    def forward(self, x):
        return self.inner(x)

def net():
    return Net()
"""


class Custom(ClassifierMixin, BaseEstimator):
    """A class of the user's own."""

    def fit(self, X: Any, y: Any) -> Custom:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), int)


Oracle = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Oracle]]:
    """A folder with one file of every format, and what each must answer."""
    tmp_path = tmp_path_factory.mktemp("models")
    X = np.random.default_rng(1).random((80, 4))
    y = (X[:, 0] + 0.2 * X[:, 1] > 0.6).astype(int)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    skops.io.dump(linear, tmp_path / "m.skops")
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(linear))
    joblib.dump(linear, tmp_path / "m.joblib", compress=3)
    boosted = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, y)
    for end in ("json", "ubj"):
        boosted.save_model(tmp_path / f"m.{end}")
    gentle = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(X, y)
    gentle.booster_.save_model(tmp_path / "m.txt")
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(5, 2)).eval()
    dynamic = ({0: torch.export.Dim("batch", min=1, max=50)},)
    torch.export.save(torch.export.export(net, (torch.zeros(2, 4),), dynamic_shapes=dynamic), tmp_path / "m.pt2")
    (tmp_path / "nets.py").write_text(FACTORY)
    sys.path.insert(0, str(tmp_path))
    try:
        import importlib

        sys.modules.pop("nets", None)
        module = importlib.import_module("nets").net()
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("nets", None)
    save_model(module, str(tmp_path / "m.safetensors"))
    w = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["z"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", 4))],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ("n", 2))],
        [numpy_helper.from_array(w, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")

    def of(module: Any) -> Callable[[np.ndarray], np.ndarray]:
        return lambda rows: torch.softmax(module(torch.from_numpy(rows).float()).double(), 1).detach().numpy()

    return tmp_path, {
        "m.skops": linear.predict_proba,
        "m.pkl": linear.predict_proba,
        "m.joblib": linear.predict_proba,
        "m.json": boosted.predict_proba,
        "m.ubj": boosted.predict_proba,
        "m.txt": gentle.predict_proba,
        "m.pt2": of(net),
        "m.safetensors": of(module.inner),
        "m.onnx": of(lambda x: x @ torch.from_numpy(w)),
    }


@pytest.fixture
def files(written: tuple[Path, dict[str, Oracle]], tmp_path: Path) -> dict[str, Oracle]:
    """The files copied to tmp_path, where a test may damage them."""
    for path in written[0].iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return written[1]


NAMES = ["m.skops", "m.pkl", "m.joblib", "m.json", "m.ubj", "m.txt", "m.pt2", "m.safetensors", "m.onnx"]


def read(name: str, schema: Schema, root: Path, **options: Any) -> Any:
    factory = "nets:net" if name.endswith("safetensors") else None
    return load_model(name, schema, base=root, **{"allow_pickle": True, "factory": factory, **options})


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_every_format_answers_as_the_model_that_was_saved(
    files: dict[str, Any], table: Schema, X: np.ndarray, tmp_path: Path
) -> None:
    for name in NAMES:
        model, digest = read(name, table, tmp_path)
        np.testing.assert_allclose(model.scores(X), files[name](X), atol=1e-6, err_msg=name)
        assert (model.features, model.classes) == (4, 2)
        assert len(digest) == 64
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.scores(X), model.scores(X), err_msg=name)
        assert (model.network() is not None) is (name in ("m.pt2", "m.safetensors", "m.onnx")), name
        assert (model.trees() is not None) is (name in ("m.json", "m.ubj", "m.txt")), name


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_file_cut_off_anywhere_is_unreadable(files: dict[str, Any], table: Schema, tmp_path: Path) -> None:
    for name in NAMES:
        whole = (tmp_path / name).read_bytes()
        for share in (0.0, 0.6, 0.97):
            (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
            with pytest.raises(ModelUnreadable) as caught:
                read(name, table, tmp_path)
            assert name in f"{caught.value.what} {caught.value.where}"
        (tmp_path / name).write_bytes(b"\x00garbage" * 50)
        with pytest.raises((ModelUnreadable, PickleRefused)):
            read(name, table, tmp_path)


def test_another_number_of_columns_or_classes(files: dict[str, Any], table: Schema, tmp_path: Path) -> None:
    wide = Schema((*table.columns, Column("more")), table.classes)
    more = Schema(table.columns, ("a", "b", "c"))
    for name in NAMES:
        with pytest.raises(ShapeMismatch):
            read(name, wide, tmp_path)
        if name not in ("m.skops", "m.pkl", "m.joblib", "m.json", "m.ubj"):
            with pytest.raises(ShapeMismatch):
                read(name, more, tmp_path)


def test_missing_files_name_the_nearest(files: dict[str, Any], table: Schema, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"Did you mean 'm\.skops'"):
        read("m.skop", table, tmp_path)
    with pytest.raises(ModelMissing):
        read("nowhere/m.skops", table, tmp_path)
    with pytest.raises(ModelMissing, match="is a folder, and no model file"):
        read(".", table, tmp_path)
    (tmp_path / "empty.skops").touch()
    with pytest.raises(ModelUnreadable, match=r"empty\.skops is empty"):
        read("empty.skops", table, tmp_path)


def test_formats_can_be_named_and_unknown_ones_are_told(files: dict[str, Any], table: Schema, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes((tmp_path / "m.ubj").read_bytes())
    assert read("model", table, tmp_path, format="xgboost")[0].classes == 2
    with pytest.raises(ModelUnsupported, match="Did you mean 'xgboost'"):
        read("model", table, tmp_path, format="xgbost")
    with pytest.raises(ModelUnsupported, match="no reader for files that end in ''"):
        read("model", table, tmp_path)
    (tmp_path / "m.h5").write_bytes(b"x")
    with pytest.raises(ModelUnsupported, match=r"\.h5"):
        read("m.h5", table, tmp_path)


@pytest.mark.parametrize("end", [".pt", ".pth", ".ckpt"])
def test_torchs_pickles_are_refused_with_what_to_do(end: str, table: Schema, tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(4, 2), tmp_path / f"m{end}")
    with pytest.raises(PickleRefused, match="pickle") as caught:
        read(f"m{end}", table, tmp_path)
    assert "safetensors" in str(caught.value.fix)


def test_pickles_need_permission_and_a_clean_scan(files: dict[str, Any], table: Schema, tmp_path: Path) -> None:
    for name in ("m.pkl", "m.joblib"):
        with pytest.raises(PickleRefused, match="is a pickle") as caught:
            read(name, table, tmp_path, allow_pickle=False)
        assert "skops" in str(caught.value.fix)

    class Evil:
        def __reduce__(self) -> Any:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    joblib.dump([Evil()], tmp_path / "evil.joblib", compress=("xz", 1))
    with pytest.raises(PickleRefused, match=r"builtins\.exec"):
        read("evil.joblib", table, tmp_path)
    joblib.dump(Custom().fit(None, [0, 1]), tmp_path / "own.joblib")
    with pytest.raises(PickleRefused, match="Custom"):
        read("own.joblib", table, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_untrusted_types_in_skops_are_named(table: Schema, tmp_path: Path) -> None:
    skops.io.dump(Custom().fit(None, [0, 1]), tmp_path / "m.skops")
    with pytest.raises(PickleRefused, match="Custom"):
        read("m.skops", table, tmp_path)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_boosters_inside_skops_are_trusted(table: Schema, X: np.ndarray, y: np.ndarray, tmp_path: Path) -> None:
    for model in (
        xgboost.XGBClassifier(n_estimators=2, n_jobs=1),
        lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1),
    ):
        skops.io.dump(make_pipeline(StandardScaler(), model.fit(X, y)).fit(X, y), tmp_path / "m.skops")
        assert read("m.skops", table, tmp_path)[0].scores(X).shape == (80, 2)


def test_factories_that_are_missing_or_do_not_fit(files: dict[str, Any], table: Schema, tmp_path: Path) -> None:
    with pytest.raises(ModelUnsupported, match="no network"):
        read("m.safetensors", table, tmp_path, factory=None)
    with pytest.raises(ModelMissing, match="Did you mean 'net'"):
        read("m.safetensors", table, tmp_path, factory="nets:nett")
    with pytest.raises(ModelMissing, match="module:function"):
        read("m.safetensors", table, tmp_path, factory="nets.net")
    before = read("m.safetensors", table, tmp_path)[1]
    (tmp_path / "nets.py").write_text(FACTORY + "\n# changed\n")
    assert read("m.safetensors", table, tmp_path)[1] != before


@pytest.mark.parametrize(("library", "name"), [("xgboost", "m.ubj"), ("lightgbm", "m.txt"), ("onnx", "m.onnx")])
def test_a_missing_library_names_its_extra(
    library: str, name: str, files: dict[str, Any], table: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(wanted: str) -> Any:
        raise ModuleNotFoundError(f"No module named {wanted!r}", name=wanted)

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(ExtraMissing, match=library) as caught:
        read(name, table, tmp_path)
    assert "pip install" in str(caught.value.fix)
    assert f"casemate[{extras.EXTRAS[library]}]" in str(caught.value.fix)


# torch.export archives: what may be in them.


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None], extra: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w") as sink:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                sink.writestr(name, content)
        for name, content in (extra or {}).items():
            sink.writestr(name, content)
    return out.getvalue()


def edited(change: Callable[[Any], None], part: str = "models/model.json") -> Callable[[str, bytes], bytes]:
    def edit(name: str, content: bytes) -> bytes:
        if not name.endswith(part):
            return content
        value = json.loads(content)
        change(value)
        return json.dumps(value).encode()

    return edit


def test_an_honest_archive_passes_and_survives_a_rewrite(
    files: dict[str, Any], table: Schema, X: np.ndarray, tmp_path: Path
) -> None:
    content = rewritten(tmp_path / "m.pt2", lambda _, part: part)
    check(content, "m.pt2")
    check((tmp_path / "m.pt2").read_bytes(), "m.pt2")


def test_what_could_run_code_in_an_archive_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    def target(value: Any) -> None:
        value["graph_module"]["graph"]["nodes"][0]["target"] = "torch.hub.load"

    def disk(value: Any) -> None:
        value["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.from_file.default"

    def reach(value: Any) -> None:
        value["graph_module"]["graph"]["nodes"][0]["target"] = "_operator.attrgetter"

    def size(value: Any) -> None:
        size = value["graph_module"]["graph"]["tensor_values"]["relu"]["sizes"][0]
        size["as_expr"]["expr_str"] = "__import__('os').system('true')"

    def hidden_size(value: Any) -> None:
        size = value["graph_module"]["graph"]["tensor_values"]["relu"]["sizes"][0]
        size["as_expr"]["expr_str"] = "Symbol('s0').__class__"

    def guard(value: Any) -> None:
        value["guards_code"] = ["print('x') or True"]

    def name(value: Any) -> None:
        value["graph_module"]["graph"]["nodes"][0]["name"] = "x): import os  #"

    def argument(value: Any) -> None:
        entry = value["graph_module"]["module_call_graph"][0]["signature"]
        entry["forward_arg_names"] = ["input=print(1)"]

    def pickled(value: Any) -> None:
        next(iter(value["config"].values()))["use_pickle"] = True

    def elsewhere(value: Any) -> None:
        next(iter(value["config"].values()))["path_name"] = "../sample_inputs/model.pt"

    path = tmp_path / "m.pt2"
    for change in (target, disk, reach, size, hidden_size, guard, name, argument):
        with pytest.raises(PickleRefused):
            check(rewritten(path, edited(change)), change.__name__)
    for change in (pickled, elsewhere):
        with pytest.raises(PickleRefused):
            check(rewritten(path, edited(change, "weights_config.json")), change.__name__)
    with zipfile.ZipFile(path) as archive:
        top = archive.namelist()[0].partition("/")[0]
    for part in ("data/aotinductor/model/a.so", "data/constants/opaque_obj_0", "data/weights/model.pt", "x.py"):
        with pytest.raises(PickleRefused, match="the part"):
            check(rewritten(path, lambda _, content: content, {f"{top}/{part}": b"x"}), part)


def test_an_archive_that_would_swell_is_unreadable(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MAX_UNPACKED", 1000)
    with pytest.raises(ModelUnreadable, match="bomb"):
        check((tmp_path / "m.pt2").read_bytes(), "m.pt2")


def test_sample_inputs_that_are_more_than_tensors_are_refused(files: dict[str, Any], tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    sample = io.BytesIO()
    torch.save(Evil(), sample)

    def swap(name: str, content: bytes) -> bytes:
        return sample.getvalue() if "sample_inputs" in name else content

    with pytest.raises(PickleRefused, match="sample inputs"):
        check(rewritten(tmp_path / "m.pt2", swap), "m.pt2")
    assert not (tmp_path / "ran").exists()


def test_an_archive_behind_another_is_unreadable(files: dict[str, Any], tmp_path: Path) -> None:
    content = (tmp_path / "m.pt2").read_bytes()
    for doubled in (content + content, b"#!/bin/sh\n" + content):
        with pytest.raises(ModelUnreadable):
            check(doubled, "m.pt2")


def test_archives_without_a_program_are_unreadable(files: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match="0 programs"):
        check(rewritten(tmp_path / "m.pt2", lambda n, c: None if "/models/" in n else c), "m.pt2")
    with pytest.raises(ModelUnreadable):
        check(rewritten(tmp_path / "m.pt2", lambda n, c: b"{" if "/models/" in n else c), "m.pt2")


def test_programs_take_batches_of_any_size(table: Schema, X: np.ndarray, tmp_path: Path) -> None:
    net = torch.nn.Linear(4, 2).eval()
    want = torch.softmax(net(torch.from_numpy(X).float()).double(), 1).detach().numpy()
    for size, shapes in ((1, None), (7, None), (2, ({0: torch.export.Dim.DYNAMIC},))):
        torch.export.save(torch.export.export(net, (torch.zeros(size, 4),), dynamic_shapes=shapes), tmp_path / "s.pt2")
        model, _ = read("s.pt2", table, tmp_path)
        np.testing.assert_allclose(model.scores(X), want, atol=1e-6)
        assert model.scores(X[:0]).shape == (0, 2)
        x = torch.from_numpy(X).float().requires_grad_()
        model.network()(x).sum().backward()
        assert x.grad is not None
        assert (x.grad != 0).all()
