"""A network as a Guard asks it: by its circuit where that speaks for the ciphertexts, and on ciphertexts elsewhere."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from casemate.controls.encrypted_service.compile_model import Asked, compile_model
from casemate.controls.encrypted_service.encrypted_model import EncryptedModel, sizes
from casemate.controls.encrypted_service.in_process import InProcess
from casemate.core.errors import ControlFailed
from casemate.core.schema import Column, Schema
from casemate.core.wire import Opened
from casemate.systems.models import adapt

ROWS = np.asarray(load_iris().data) / 8
SCHEMA = Schema(tuple(Column(name) for name in "abcd"), ("0", "1", "2"))


@pytest.fixture(scope="module")
def made() -> EncryptedModel:
    network = MLPClassifier((4,), solver="lbfgs", max_iter=1000, random_state=0, alpha=1).fit(ROWS, load_iris().target)
    model = adapt(network, SCHEMA)
    ranges = np.full(4, -2.0), np.full(4, 3.0)
    compiled = compile_model(model, ROWS, Asked("iris"), ranges=ranges)
    wire = InProcess(compiled.program)
    tolerance = compiled.program.public.description.tolerance  # type: ignore[attr-defined]
    return EncryptedModel(model, compiled.circuit, wire, tolerance, sizes(compiled.circuit, ROWS))


@pytest.fixture
def asked(made: EncryptedModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were really encrypted."""
    seen: list[int] = []
    plain: Callable[[InProcess, np.ndarray], list[bytes]] = InProcess.ask

    def counted(self: InProcess, X: np.ndarray) -> list[bytes]:
        seen.append(len(X))
        return plain(self, X)

    monkeypatch.setattr(InProcess, "ask", counted)
    return seen


def test_usual_rows_are_answered_by_the_circuit(made: EncryptedModel, asked: list[int]) -> None:
    scores = made.scores(ROWS)
    assert asked == []
    np.testing.assert_allclose(scores, made.circuit.probabilities(made.circuit.scores(ROWS)))
    assert (scores.argmax(axis=1) == made.inner.scores(ROWS).argmax(axis=1)).mean() > 0.9
    np.testing.assert_array_equal(made.scores(ROWS), scores)


def test_it_agrees_with_ciphertexts(made: EncryptedModel, asked: list[int]) -> None:
    made.check(ROWS[::50])
    assert asked == [1, 1, 1]
    with pytest.raises(ControlFailed, match="is off by"):
        replace(made, tolerance=1e-9).check(ROWS[:1])


def test_rows_beyond_what_was_calibrated_are_really_encrypted(made: EncryptedModel, asked: list[int]) -> None:
    far = np.array([[2.9, -1.9, 2.9, -1.9]])
    scores = made.scores(np.concatenate([ROWS[:1], far]))
    assert asked == [1]
    assert np.isfinite(scores[0]).all()  # the second one's answer may be refused, as implausible


def test_what_a_client_does_not_believe_is_no_answer(made: EncryptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: InProcess, message: bytes, reply: bytes) -> Opened | None:
        return None

    monkeypatch.setattr(InProcess, "read", refuse)
    assert np.isnan(made.scores(np.array([[2.9, -1.9, 2.9, -1.9]]))).all()
    with pytest.raises(ControlFailed, match="off by inf"):
        made.check(ROWS[:1])


def test_rows_that_clients_do_not_encrypt_are_no_answer(made: EncryptedModel, asked: list[int]) -> None:
    rows = np.array([[0.5] * 4, [5.0] * 4, [np.nan] * 4])
    assert made.takes(rows).tolist() == [True, False, False]
    assert np.isnan(made.scores(rows)).all(axis=1).tolist() == [False, True, True]
    assert made.scores(np.empty((0, 4))).shape == (0, 3)


def test_it_is_a_model_that_travels(made: EncryptedModel) -> None:
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.scores(ROWS), made.scores(ROWS))
    assert (again.features, again.classes, again.gives_scores) == (4, 3, True)
    assert again.kind == "scikit-learn MLPClassifier on ciphertexts"
    assert again.network() is None and again.trees() is None
    assert again.wire.ring is None  # slots
