"""The twin is what it says: linear, certain of its rows, and all of them close to the boundary."""

from __future__ import annotations

import numpy as np
import torch

from casemate.attacks.evasion import twin
from casemate.core.build import build
from casemate.core.model import Model


def test_answers_every_row_right_with_the_margin_that_it_states():
    system = twin.narrow_margins()
    model = build(system, 0).guard.model
    for data in (system.train, system.test):
        assert (model.scores(data.X).argmax(1) == data.y).all()
        assert ((data.X > 0) & (data.X < 1)).all()
        sums = data.X.sum(axis=1)
        np.testing.assert_allclose(sums, np.where(data.y == 1, 10.5, 9.5))


def test_weighs_all_columns_alike_and_cuts_half_way():
    model = twin._train(twin.narrow_margins().train, 0)
    np.testing.assert_allclose(model.weights, model.weights[0])
    assert model.weights[0] > 0
    np.testing.assert_allclose(model.bias, -10 * model.weights[0], rtol=1e-9)


def test_network_and_scores_are_one_map():
    model = twin._train(twin.narrow_margins().train, 0)
    X = np.random.default_rng(0).random((50, twin.FEATURES))
    logits = model.network()(torch.tensor(X, dtype=torch.float32))
    np.testing.assert_allclose(torch.softmax(logits, dim=1).numpy(), model.scores(X), atol=1e-5)
    assert not any(weight.requires_grad for weight in model.network().parameters())


def test_is_a_model_and_the_same_each_time():
    first, again = twin.narrow_margins(), twin.narrow_margins()
    assert first.digest == again.digest
    assert isinstance(twin._train(first.train, 0), Model)
    assert twin._train(first.train, 0).digest == twin._train(again.train, 1).digest
    assert twin._train(first.train, 0).trees() is None
