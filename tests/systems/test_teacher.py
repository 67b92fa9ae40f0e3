"""Teachers: cut at a layer, filled with weights, and every way in which that can fail."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from casemate.core.errors import ModelMissing, ModelUnreadable, ModelUnsupported, ShapeMismatch, UnknownName
from casemate.core.schema import Column, Schema
from casemate.systems.teacher import load_teacher

SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.body = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Dropout(), nn.Flatten())
        self.head = nn.Linear(3 * 36, 5)
        self.unused = nn.Linear(2, 2)
        self.pair = Pair()
    def forward(self, x):
        self.pair(x)
        out = self.head(self.body(x))
        self.ran_to_the_end = True
        return out

class Pair(nn.Module):
    def forward(self, x):
        return x, x

def net():
    return Net()

def broken():
    raise ValueError("no network today")

def number():
    return 3
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def schema() -> Schema:
    return Schema(tuple(Column(f"p{i}") for i in range(64)), ("a", "b"), (1, 8, 8))


def test_features_are_the_activations_of_the_layer(root: Path, schema: Schema) -> None:
    teacher = load_teacher("nets:net", None, "body", schema, root)
    net = teacher.features.teacher
    x = torch.rand(5, 64, requires_grad=True)
    found = teacher.features(x)
    torch.testing.assert_close(found, net.body(x.reshape(5, 1, 8, 8)))
    assert found.shape == (5, 108)
    assert not hasattr(net, "ran_to_the_end")
    found.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in net.parameters())
    assert not net.training
    assert teacher.layer == "body"
    assert not net.body._forward_hooks
    inner = load_teacher("nets:net", None, "body.0", schema, root)
    assert inner.features(x).shape == (5, 108)
    assert (inner.features(x) < 0).any()
    assert load_teacher("nets:net", None, "", schema, root).features(x).shape == (5, 5)


def test_weights_are_read_and_change_the_digest(root: Path, schema: Schema) -> None:
    plain = load_teacher("nets:net", None, "body", schema, root)
    state = {name: torch.zeros_like(value) for name, value in plain.features.teacher.state_dict().items()}
    save_file(state, root / "w.safetensors")
    filled = load_teacher("nets:net", "w.safetensors", "body", schema, root)
    assert (filled.features(torch.rand(2, 64)) == 0).all()
    assert filled.digest != plain.digest
    assert plain.digest == load_teacher("nets:net", None, "body", schema, root).digest
    assert plain.digest != load_teacher("nets:net", None, "head", schema, root).digest
    (root / "nets.py").write_text(SOURCE + "\n# changed\n")
    assert plain.digest != load_teacher("nets:net", None, "body", schema, root).digest


def test_it_pickles_and_copies(root: Path, schema: Schema, tmp_path: Path) -> None:
    teacher = load_teacher("nets:net", None, "body", schema, root)
    x = torch.rand(3, 64)
    want = teacher.features(x)
    torch.testing.assert_close(pickle.loads(pickle.dumps(teacher)).features(x), want)
    torch.testing.assert_close(copy.deepcopy(teacher.features)(x), want)
    (tmp_path / "teacher.bin").write_bytes(pickle.dumps(teacher))
    script = (
        "import pathlib, pickle, sys, torch;"
        "t = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()); print(tuple(t.features(torch.zeros(2, 64)).shape))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "teacher.bin")],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if "src" in p)},
    )
    assert done.stdout.strip() == "(2, 108)"


def test_an_unknown_layer_names_the_nearest(root: Path, schema: Schema) -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'body'") as caught:
        load_teacher("nets:net", None, "bodi", schema, root)
    assert "body.3" in str(caught.value.fix)


@pytest.mark.parametrize(("layer", "word"), [("unused", "never run"), ("pair", "no tensor")])
def test_a_layer_without_activations(root: Path, schema: Schema, layer: str, word: str) -> None:
    with pytest.raises(ModelUnsupported, match=word):
        load_teacher("nets:net", None, layer, schema, root)


def test_factories_that_fail(root: Path, schema: Schema) -> None:
    from casemate.core.errors import ModelError

    with pytest.raises(ModelMissing, match=r"Did you mean 'nets'"):
        load_teacher("net:net", None, "body", schema, root)
    with pytest.raises(ModelMissing, match=r"Did you mean 'net'"):
        load_teacher("nets:nett", None, "body", schema, root)
    with pytest.raises(ModelMissing, match="module:function"):
        load_teacher("nets", None, "body", schema, root)
    with pytest.raises(ModelError, match="no network today"):
        load_teacher("nets:broken", None, "body", schema, root)
    with pytest.raises(ModelUnsupported, match="returned a int"):
        load_teacher("nets:number", None, "body", schema, root)


def test_weights_that_fail(root: Path, schema: Schema) -> None:
    net = load_teacher("nets:net", None, "body", schema, root).features.teacher
    state = net.state_dict()
    save_file(state, root / "good.safetensors")
    content = (root / "good.safetensors").read_bytes()
    (root / "cut.safetensors").write_bytes(content[: len(content) // 2])
    (root / "w.pth").write_bytes(b"x")
    save_file({**state, "extra": torch.zeros(1)}, root / "extra.safetensors")
    save_file({k: v for k, v in state.items() if k != "head.bias"}, root / "less.safetensors")
    save_file({**state, "head.bias": torch.zeros(6)}, root / "wide.safetensors")
    for name, error, word in (
        ("goood.safetensors", ModelMissing, r"Did you mean 'good\.safetensors'"),
        ("nowhere/w.safetensors", ModelMissing, "no file"),
        ("w.pth", ModelUnsupported, "pth"),
        ("cut.safetensors", ModelUnreadable, "damaged"),
        ("extra.safetensors", ShapeMismatch, "not in the module: extra"),
        ("less.safetensors", ShapeMismatch, r"missing: head\.bias"),
        ("wide.safetensors", ShapeMismatch, r"another shape: head\.bias"),
    ):
        with pytest.raises(error, match=word):
            load_teacher("nets:net", name, "body", schema, root)


def test_samples_that_do_not_fit(root: Path) -> None:
    flat = Schema(tuple(Column(f"c{i}") for i in range(64)), ("a", "b"))
    with pytest.raises(ShapeMismatch, match=r"shape \(1, 64\)"):
        load_teacher("nets:net", None, "body", flat, root)


def test_features_come_from_numpy_rows_too(root: Path, schema: Schema) -> None:
    teacher = load_teacher("nets:net", None, "head", schema, root)
    rows = np.random.default_rng(0).random((4, 64)).astype(np.float32)
    assert teacher.features(torch.from_numpy(rows)).shape == (4, 5)
