"""torch modules: logits in, probabilities and gradients out."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from casemate.core.errors import ModelError, ShapeMismatch
from casemate.core.model import Model
from casemate.core.schema import Schema
from casemate.systems.models import adapt
from casemate.systems.models.torch import BATCH


class Net(torch.nn.Module):
    """Dropout and batch statistics tell evaluation mode from training mode."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5))
        self.head = torch.nn.Linear(8, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


def softmax(z: torch.Tensor) -> np.ndarray:
    return torch.softmax(z.detach().double(), dim=1).numpy()


def test_scores_are_the_softmax_of_the_logits(three: Schema, X: np.ndarray) -> None:
    net = Net()
    model = adapt(net, three)
    assert isinstance(model, Model)
    want = softmax(net.eval()(torch.from_numpy(X).float()))
    np.testing.assert_allclose(model.scores(X), want, rtol=1e-6)
    assert model.scores(X).dtype == np.float64
    np.testing.assert_allclose(model.scores(X).sum(axis=1), 1.0, atol=1e-12)
    assert (model.kind, model.features, model.classes, model.gives_scores) == ("torch Net", 4, 3, True)
    assert model.trees() is None


def test_many_rows_none_and_read_only_rows(three: Schema) -> None:
    model = adapt(Net(), three)
    many = np.random.default_rng(0).random((2 * BATCH + 5, 4))
    many.flags.writeable = False
    scores = model.scores(many)
    np.testing.assert_allclose(scores[BATCH - 2 : BATCH + 2], model.scores(many[BATCH - 2 : BATCH + 2]), rtol=1e-5)
    assert scores.shape == (len(many), 3)
    assert model.scores(many[:0]).shape == (0, 3)


def test_the_network_has_gradients_and_frozen_weights(three: Schema, X: np.ndarray) -> None:
    model = adapt(Net(), three)
    network = model.network()
    assert network is not None
    assert model.network() is network
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    x = torch.from_numpy(X).float().requires_grad_()
    logits = network(x)
    np.testing.assert_allclose(softmax(logits), model.scores(X), rtol=1e-6)
    torch.nn.functional.cross_entropy(logits, torch.zeros(len(X), dtype=torch.long)).backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_the_owner_may_go_on_training(three: Schema, X: np.ndarray) -> None:
    net = Net().train()
    model = adapt(net, three)
    before = model.scores(X)
    assert net.training
    assert all(weight.requires_grad for weight in net.parameters())
    with torch.no_grad():
        net.head.bias += 5.0 * torch.arange(3)
    np.testing.assert_array_equal(model.scores(X), before)


@pytest.mark.parametrize("shape", [(1,), ()])
def test_a_single_logit_is_the_second_class(table: Schema, X: np.ndarray, shape: tuple[int, ...]) -> None:
    class Single(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x).reshape(len(x), *shape)

    net = Single()
    model = adapt(net, table)
    want = torch.sigmoid(net(torch.from_numpy(X).float()).double()).detach().numpy().reshape(-1)
    np.testing.assert_allclose(model.scores(X)[:, 1], want, rtol=1e-6)
    network = model.network()
    assert network is not None
    assert network(torch.zeros(3, 4)).shape == (3, 2)


def test_images_come_in_their_shape(image: Schema) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 3))
    model = adapt(net, image)
    rows = np.random.default_rng(0).random((5, 64))
    want = softmax(net(torch.from_numpy(rows).float().reshape(5, 1, 8, 8)))
    np.testing.assert_allclose(model.scores(rows), want, rtol=1e-5)


def test_it_pickles_with_and_without_having_been_asked(three: Schema, X: np.ndarray) -> None:
    model = adapt(torch.nn.Linear(4, 3), three)
    fresh = pickle.loads(pickle.dumps(model))
    want = model.scores(X)
    np.testing.assert_array_equal(fresh.scores(X), want)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).scores(X), want)


def test_a_module_without_weights(three: Schema, X: np.ndarray) -> None:
    class Fixed(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :3] * 2

    np.testing.assert_allclose(adapt(Fixed(), three).scores(X), softmax(torch.from_numpy(X[:, :3]).float() * 2))


@pytest.mark.parametrize(
    ("net", "word"),
    [
        (torch.nn.Linear(5, 3), r"batch of shape \(1, 4\)"),
        (torch.nn.Linear(4, 2), r"shape \(1, 2\)"),
        (torch.nn.Linear(4, 1), r"shape \(1, 1\)"),
        (torch.nn.LSTM(4, 3), "tuple"),
        (torch.nn.Conv2d(1, 1, 3), "batch of shape"),
    ],
    ids=str,
)
def test_modules_that_do_not_fit(three: Schema, net: torch.nn.Module, word: str) -> None:
    with pytest.raises(ShapeMismatch, match=word):
        adapt(net, three)


def test_logits_that_are_not_finite(three: Schema, X: np.ndarray) -> None:
    net = torch.nn.Linear(4, 3)
    with torch.no_grad():
        net.bias[0] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        adapt(net, three)
