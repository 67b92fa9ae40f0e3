"""The families of a stolen copy: each learns, each survives poor answers, and the fitting one is chosen."""

import numpy as np
import pytest

from casemate.attacks.model_extraction.learners import FAMILIES, Answers, _encode, _folds, learn
from casemate.core.links import softmax
from casemate.core.schema import Column, Schema


def schema(features: int, classes: int) -> Schema:
    return Schema(tuple(Column(f"x{i}") for i in range(features)), tuple(map(str, range(classes))))


def linear(n: int, classes: int, seed: int = 0, scores: bool = True) -> Answers:
    rng = np.random.default_rng(seed)
    X = rng.random((n, 4))
    given = softmax((X - 0.5) @ (8 * np.random.default_rng(99).normal(size=(4, classes))))
    return Answers(X, given.argmax(axis=1), given if scores else None, rng.random(n) < 0.3)


def boxes(n: int, seed: int = 0) -> Answers:
    rng = np.random.default_rng(seed)
    X = rng.random((n, 4))
    return Answers(X, ((X[:, 0] > 0.3) ^ (X[:, 1] > 0.6)).astype(int), None, rng.random(n) < 0.5)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_learns(family, classes) -> None:
    copy = family.fit(linear(300, classes), schema(4, classes), 0)
    fresh = linear(400, classes, seed=1)
    answered = copy(fresh.X)
    assert answered.shape == (400, classes)
    assert (answered.argmax(axis=1) == fresh.labels).mean() > 0.8


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_family_survives_a_handful_of_answers(family, n) -> None:
    copy = family.fit(linear(n, 3), schema(4, 3), 0)
    assert copy(np.zeros((2, 4))).shape == (2, 3)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_class_that_never_answered_keeps_its_place(family) -> None:
    answers = linear(200, 3)
    copy = family.fit(answers.take(answers.labels != 1), schema(4, 3), 0)
    rows = answers.take(answers.labels != 1)
    answered = copy(rows.X)
    assert answered.shape[1] == 3
    assert (answered.argmax(axis=1) == rows.labels).mean() > 0.8


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_same_seed_same_copy(family) -> None:
    answers, X = linear(120, 3), np.random.default_rng(5).random((50, 4))
    first, again = (family.fit(answers, schema(4, 3), 7)(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_linear_models_scores_are_solved_for() -> None:
    copy, family, agreement = learn(linear(60, 3), schema(4, 3), 0)
    fresh = linear(2000, 3, seed=1)
    assert family == "equations in the scores"
    assert agreement == 1.0
    np.testing.assert_array_equal(copy(fresh.X).argmax(axis=1), fresh.labels)


def test_labels_of_a_linear_model_call_for_a_linear_copy_and_of_boxes_for_trees() -> None:
    assert learn(linear(400, 2, scores=False), schema(4, 2), 0)[1] in ("logistic regression", "neural network")
    copy, family, agreement = learn(boxes(400), schema(4, 2), 0)
    assert family in ("boosted trees", "extra trees")
    fresh = boxes(2000, seed=1)
    measured = (copy(fresh.X).argmax(axis=1) == fresh.labels).mean()
    assert measured > 0.9
    assert abs(measured - agreement) < 0.06


def test_agreement_counts_real_and_invented_rows_half_each() -> None:
    rng = np.random.default_rng(0)
    learnable = boxes(300)
    noise = rng.integers(2, size=30)
    answers = Answers(
        np.concatenate([learnable.X, rng.random((30, 4))]),
        np.concatenate([learnable.labels, noise]),
        None,
        np.arange(330) >= 300,
    )
    agreement = learn(answers, schema(4, 2), 0)[2]
    assert 0.55 < agreement < 0.9  # about (1 + 1/2) / 2, although nine rows in ten can be learnt


def test_one_answer_makes_a_constant() -> None:
    copy, _, agreement = learn(linear(1, 3).take(np.array([0])), schema(4, 3), 0)
    assert agreement == 1.0
    assert len(set(copy(np.random.default_rng(0).random((9, 4))).argmax(axis=1))) == 1


def test_folds_spread_every_label() -> None:
    labels = np.repeat([0, 1, 2], [30, 9, 3])
    fold = _folds(labels, 0)
    for label in range(3):
        assert set(np.bincount(fold[labels == label], minlength=3)) == {(labels == label).sum() // 3}


def test_categories_become_indicators_and_numbers_their_share_of_the_range() -> None:
    columns = (
        Column("city", kind="category", low=0, high=2, categories=("a", "b", "c")),
        Column("age", kind="integer", low=20, high=40),
        Column("postcode", kind="category", low=0, high=4999),
        Column("member", kind="boolean"),
    )
    X = np.array([[2.0, 30.0, 4999.0, 1.0], [0.0, 20.0, 0.0, 0.0]])
    np.testing.assert_allclose(
        _encode(Schema(columns, ("n", "y")), X), [[0, 0, 1, 0.5, 1.0, 1], [1, 0, 0, 0.0, 0.0, 0]]
    )


def test_answers_join_and_lose_scores_where_one_has_none() -> None:
    first, second = linear(5, 3), linear(4, 3, seed=1, scores=False)
    both = Answers.none(schema(4, 3)).join(first).join(linear(4, 3, seed=1))
    assert len(both) == 9
    assert both.scores is not None
    np.testing.assert_array_equal(both.X[:5], first.X)
    np.testing.assert_array_equal(both.scores[:5], first.scores)
    mixed = first.join(second)
    assert mixed.scores is None
    np.testing.assert_array_equal(mixed.labels, np.concatenate([first.labels, second.labels]))
