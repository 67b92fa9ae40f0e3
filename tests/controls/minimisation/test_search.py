import numpy as np
import pytest

from casemate.controls.minimisation.search import minimise
from casemate.core.errors import RecipeMissing
from controls.minimisation.population import made


def test_leaves_what_the_label_hangs_on_and_no_more():
    said: list[str] = []
    found = minimise(made(), max_loss=0.01, watch=said.append)
    assert found.detail.kept == ("age", "city")
    assert set(found.detail.dropped) == {"income", "size"}
    age = found.detail.bands["age"]
    assert len(age) == 2
    assert 38 < age.cuts[0] < 43
    assert found.detail.bands["city"].told(found.detail.schema.columns[2]) == ("a | b", "c | d")
    assert "without income" in said


def test_is_priced_in_accuracy_and_in_uniqueness_on_rows_that_served_no_choice():
    system = made()
    found = minimise(system, max_loss=0.01)
    assert found.before > 0.98
    assert found.loss.low <= found.before - found.after <= found.loss.high
    assert found.loss.n == found.held_out == len(system.test)
    assert found.unique_before == 1.0  # income is a number of its own for everybody
    assert found.unique_after < 0.01
    assert [step.unique for step in found.steps][-1] == pytest.approx(found.unique_after)


def test_what_is_left_is_what_a_model_is_asked_with():
    system = made()
    detail = minimise(system, max_loss=0.01).detail
    X = detail.reduce(system.test.X)
    assert len(np.unique(X, axis=0)) == 4
    assert set(np.unique(X[:, 0])) <= set(system.train.X[:, 0])  # stand-ins are values that occur
    np.testing.assert_array_equal(detail.reduce(X), X)  # what is left of what is left is the same


def test_nothing_goes_where_everything_is_needed():
    found = minimise(made(), max_loss=0.0)
    assert found.loss.value <= 0.01
    assert {"age", "city"} <= set(found.detail.kept)


def test_same_seed_same_result():
    one, other = (minimise(made(), max_loss=0.01, seed=3) for _ in range(2))
    assert one.steps == other.steps
    assert one.loss == other.loss


def test_needs_a_recipe():
    with pytest.raises(RecipeMissing, match="found by training on less"):
        minimise(made(recipe=None), max_loss=0.01)
