"""Data sets by name."""

from __future__ import annotations

import urllib.error
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.datasets
from sklearn.utils import Bunch

from casemate.core.errors import DataMissing, DataUnreadable
from casemate.systems.data.library import SHIPPED, read_openml, read_sklearn


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_data_are_scikit_learns_own(name: str) -> None:
    bunch = getattr(sklearn.datasets, f"load_{name}")()
    table = read_sklearn(name)
    np.testing.assert_array_equal(table.values, bunch.data)
    np.testing.assert_array_equal(table.labels, bunch.target)
    assert table.classes == tuple(map(str, bunch.target_names))
    assert len(set(table.names)) == bunch.data.shape[1]
    assert table.shape == ((8, 8) if name == "digits" else ())


@pytest.mark.parametrize("name", ["irises", "diabetes", "__init__", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(DataMissing, match="ships no classification data set") as caught:
        read_sklearn(name)
    assert "breast_cancer" in str(caught.value.fix)


def bunch(**changes: Any) -> Bunch:
    content = {
        "data": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "target": np.array(["b", "a"], dtype=object),
        "feature_names": ["f", "g"],
        "target_names": ["kind"],
    }
    return Bunch(**{**content, **changes})


@pytest.mark.parametrize(("name", "wanted"), [("61", {"data_id": 61}), ("iris", {"name": "iris", "version": "active"})])
def test_openml_is_asked_by_number_or_name(monkeypatch: pytest.MonkeyPatch, name: str, wanted: dict[str, Any]) -> None:
    asked: list[dict[str, Any]] = []

    def fetch(**options: Any) -> Bunch:
        asked.append(options)
        return bunch()

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    table = read_openml(name)
    assert asked == [wanted | {"as_frame": False, "parser": "liac-arff"}]
    assert (table.names, table.target, table.source) == (("f", "g"), "kind", f"openml:{name}")
    assert table.labels is not None
    assert table.labels.tolist() == ["b", "a"]


def test_sparse_features_become_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = bunch(data=scipy.sparse.csr_matrix([[0.0, 1.0], [2.0, 0.0]]))
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: sparse)
    np.testing.assert_array_equal(read_openml("1").values, [[0.0, 1.0], [2.0, 0.0]])


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("no route"), TimeoutError("slow"), ValueError("No active dataset x found")]
)
def test_without_a_network_or_a_data_set_the_error_says_so(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fetch(**_: Any) -> Bunch:
        raise error

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    with pytest.raises(DataMissing, match="openml:x could not be fetched") as caught:
        read_openml("x")
    assert "network" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": None}, "no single target"),
        ({"target": np.ones((2, 2))}, "no single target"),
        ({"data": np.array([["a", "b"], ["c", "d"]], dtype=object)}, "no numbers"),
    ],
)
def test_what_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str) -> None:
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: bunch(**change))
    with pytest.raises(DataUnreadable, match=message):
        read_openml("x")
