"""The control: options, what it refuses, what it shares between arms, and what share policies give away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from casemate.attacks import find
from casemate.attacks.interception.decryption_replay import equations, numbers
from casemate.controls.encryption import homomorphic
from casemate.controls.encryption.homomorphic import Homomorphic
from casemate.core.access import Access, Budget
from casemate.core.build import build
from casemate.core.control import Control, Fitting, configure, control
from casemate.core.dataset import Dataset
from casemate.core.errors import ControlFailed, ModelUnsupported, SystemFileError
from casemate.core.model import Model
from casemate.core.request import Request
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt
from contract import small_systems


@control("testing.in-the-clear", mitigates=("evasion",), limit="anything; made for tests")
class InTheClear(Control):
    """Put the model in the clear back."""

    def on_model(self, model: Model, fitting: Fitting) -> Model:
        return model.inner  # type: ignore[attr-defined,no-any-return]


def test_options_of_the_system_file() -> None:
    made = configure(Homomorphic, {"tolerance": 0.01, "share": "scores", "flood": 2.0, "rows": 50})
    assert (made.tolerance, made.share, made.flood, made.rows) == (0.01, "scores", 2.0, 50)  # type: ignore[attr-defined]
    for options in ({"tolerance": 0.0}, {"share": "all"}, {"rows": 5}, {"flood": -1.0}):
        with pytest.raises(SystemFileError):
            configure(Homomorphic, options)


def test_rows_out_of_range_are_refused_with_the_reason() -> None:
    system = small_systems.linear_table(6).with_(Homomorphic())
    guard = build(system, 0).guard
    request = guard.controls[0].on_request(Request(np.array([[0.5] * 6, [1.2] * 6, [1.3] * 6])))
    assert request.refused.tolist() == [False, False, True]
    assert request.reasons == {"encryption.homomorphic": "outside the range that the program was calibrated on"}


def test_arms_share_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homomorphic, "_compiled", type(homomorphic._compiled)())
    system = small_systems.linear_table(6)
    one, again = (build(system.with_(Homomorphic()), 0) for _ in range(2))
    assert one.guard.model is again.guard.model
    other = build(system.with_(Homomorphic(share="labels")), 0)
    assert other.guard.model is not one.guard.model
    assert other.wire.share == "labels"
    assert build(system, 0).wire.encrypted is False


def test_a_model_that_cannot_be_encrypted_is_named() -> None:
    system = small_systems.clusters(small_systems.remembering).with_(Homomorphic())
    with pytest.raises(ModelUnsupported, match="KNeighborsClassifier cannot be computed on encrypted data"):
        build(system, 0)


def test_it_must_have_the_last_word_on_the_model() -> None:
    system = small_systems.linear_table(6).with_(Homomorphic(), InTheClear())
    with pytest.raises(ControlFailed, match="in place of the encrypted model"):
        build(system, 0)
    with pytest.raises(ControlFailed, match="was not calibrated"):
        Homomorphic().on_request(Request(np.zeros((1, 6))))


def shallow(data: Dataset, seed: int) -> Model:
    tree = DecisionTreeClassifier(max_depth=2, random_state=seed)
    return adapt(tree.fit(data.X, data.y), data.schema)


def test_trees_are_answered_as_they_were_in_the_clear() -> None:
    system = small_systems.clusters(shallow)
    rows = system.test.X[:50]
    clear, encrypted = (build(one, 0).guard.ask(Request(rows)) for one in (system, system.with_(Homomorphic())))
    np.testing.assert_array_equal(clear.labels, encrypted.labels)


@pytest.mark.parametrize("share", ["never", "labels"])
def test_what_clients_keep_to_themselves_gives_no_key(share: str) -> None:
    attack = find("interception.decryption-replay")
    system = small_systems.linear_table(6).with_(Homomorphic(share=share))  # type: ignore[arg-type]
    target = Target(system, replace(attack.needs, budget=Budget(queries=8)), Seeds.of(0, "x", "y"))
    assert target.lacks(attack.requires) == ""
    evidence = attack.run(target)
    assert len(evidence) == 100 and not evidence.outcome.any()


def test_scores_that_are_told_are_equations_in_the_key() -> None:
    attack = find("interception.decryption-replay")
    system = small_systems.linear_table(6).with_(Homomorphic(share="scores"))
    target = Target(system, Access(population=True, server=True), Seeds.of(0, "x", "y"), samples=5)
    tap = target.tap
    ring = tap.ring
    assert ring is not None
    matrix, right = equations(tap.exchanges(target.population.X[:20]), tap, ring)
    assert matrix.shape == (20, ring.degree)
    secret = target._built.wire._house._keys_of("first").secret  # type: ignore[attr-defined]
    values = secret.times(np.ones((1, 1, ring.degree), np.uint64))[0, 0].astype(np.int64)
    key = np.where(values > ring.prime // 2, values - ring.prime, values)
    holds = [int(sum(int(a) * int(s) for a, s in zip(row, key, strict=True)) % ring.prime) for row in matrix]
    assert holds == right.tolist()
    unread = tap.unread()
    assert tap.judge_read([numbers(tap.polynomials(one.reply), key, ring) for one in unread]).outcome.all()
    assert attack.threat == "key-recovery"
