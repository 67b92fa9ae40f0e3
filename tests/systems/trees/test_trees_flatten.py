"""Dispatch by the model's own library, joining of trees, and what is not read."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from casemate.core.errors import ModelError, ModelUnsupported
from casemate.systems.trees import SUPPORTED, flatten
from casemate.systems.trees.assemble import Tree, join, one_margin


def stump(at: float) -> Tree:
    """A split of column 0, with what a library may leave in unused slots."""
    return Tree(
        feature=np.array([0, -2, -2]),
        threshold=np.array([at, -2.0, np.nan]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        missing_left=np.array([0, 1, 1]),
        value=one_margin(np.array([99.0, 1.0, 2.0]), 1, 2),
    )


def test_join_shifts_children_and_clears_unused_slots() -> None:
    trees = join([stump(0.5), stump(1.5)], base=np.zeros(2), n_features=1, link="softmax")
    assert trees.roots.tolist() == [0, 3]
    assert trees.feature.tolist() == [0, -1, -1] * 2
    assert trees.threshold.tolist() == [0.5, 0, 0, 1.5, 0, 0]
    assert trees.left.tolist() == [1, -1, -1, 4, -1, -1]
    assert trees.right.tolist() == [2, -1, -1, 5, -1, -1]
    assert not trees.missing_left.any()
    assert trees.value[[0, 3]].tolist() == [[0, 0], [0, 0]]
    assert trees.margins([[0.0], [1.0], [2.0]]).tolist() == [[0, 2], [0, 3], [0, 4]]


def test_join_needs_a_tree() -> None:
    with pytest.raises(ModelError, match="no trees"):
        join([], base=np.zeros(1), n_features=1, link="sigmoid")


@pytest.mark.parametrize("model", [object(), 3, make_pipeline(StandardScaler(), RandomForestClassifier())], ids=type)
def test_other_models_are_refused_with_what_is_supported(model: object) -> None:
    with pytest.raises(ModelUnsupported) as raised:
        flatten(model)
    assert "RandomForestClassifier" in str(raised.value.fix)
    assert "XGBClassifier" in SUPPORTED
    assert "LGBMClassifier" in SUPPORTED


def test_no_library_is_imported_that_the_model_does_not_come_from() -> None:
    program = """
import sys
from casemate.core.errors import ModelUnsupported
from casemate.systems.trees import flatten
try:
    flatten(object())
except ModelUnsupported:
    print([name for name in ("sklearn", "scipy", "xgboost", "lightgbm") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
