"""Small programs of both kinds, verified: linear on coefficients, trees on slots."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from casemate.controls.encrypted_service import mutations, verifying
from casemate.controls.encrypted_service.plain_scores import plain_scores
from casemate.controls.encrypted_service.verification import Verification, judged
from casemate.controls.encrypted_service.verifying import ALONE, Plain, verify_program
from casemate.core.errors import EmptyData, OutOfRange
from controls.encrypted_service.verified import NAMES, linear_model, program, rows, tree_model

KINDS = ("coefficients", "slots")
ASKED = rows()[:12]


def model(kind: str) -> Any:
    return linear_model() if kind == "coefficients" else tree_model()


@cache
def verified(kind: str) -> Verification:
    plain = Plain("the model", model(kind).predict_proba(ASKED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations, "FLIPS", 40)
        return verify_program(program(kind), ASKED, source="made up", refused=3, plain=plain, needed=0.7)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_holds(kind: str) -> None:
    found = verified(kind)
    assert {check.name: check.verdict for check in judged(found)} == dict.fromkeys(
        ("error", "decisions", "headroom", "security", "secrecy", "tampering"), "held"
    )
    assert found.verdict == "held"
    assert (found.kind, found.rows, found.refused, found.program) == (kind, "made up", 3, program(kind).public.digest)


@pytest.mark.parametrize("kind", KINDS)
def test_every_altered_message_was_tried_and_refused(kind: str) -> None:
    found = {one.what: one for one in verified(kind).mutations}
    assert len(found) == 20
    assert all(one.tried == one.refused > 0 for one in found.values())
    assert {one.by for one in found.values()} == {"server", "client"}
    assert found["a flipped bit in a query"].tried == 40


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_measured_is_what_happened(kind: str) -> None:
    found, terms = verified(kind), program(kind).public.terms
    assert found.sizes.query == terms.query_bytes(1)
    assert 0 < found.errors.mean <= found.errors.largest <= found.errors.tolerance
    assert found.errors.probability is not None
    assert found.errors.probability < 0.02
    assert found.decisions is not None
    assert (found.decisions.rows, found.decisions.same) == (12, 12)
    assert [time.step for time in found.times][-3:] == ["client encrypts", "server answers", "client decrypts"]
    assert all(0 < time.wall <= time.worst for time in found.times)
    assert (found.headroom.mask_bits is None) == (kind == "coefficients")


@pytest.mark.parametrize("kind", KINDS)
def test_scores_in_the_clear_are_the_models(kind: str) -> None:
    wanted = model(kind).decision_function(ASKED)[:, None]
    np.testing.assert_allclose(plain_scores(program(kind), ASKED), wanted, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_sees_noise_and_the_row_is_nobodys(kind: str) -> None:
    seen = verified(kind).seen
    assert seen.names == NAMES
    assert seen.row == tuple(np.median(ASKED, axis=0).tolist())
    assert all(low <= value <= high for low, value, high in zip(seen.low, seen.row, seen.high, strict=True))
    assert not set(seen.low + seen.high) & set(ASKED.ravel().tolist())  # the ends are nobody's values either
    degree = program(kind).public.terms.query.chain.degree
    assert sum(seen.bins) == degree
    assert seen.alike < 0.01
    assert len(seen.sample) == min(degree, 4096)


def test_without_a_model_decisions_are_those_of_the_program_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "FLIPS", 4)
    monkeypatch.setattr(mutations, "CUTS", 4)
    told: list[str] = []
    found = verify_program(program("coefficients"), ASKED[:3], source="made up", watch=told.append)
    assert found.decisions is not None
    assert (found.decisions.against, found.decisions.same) == (ALONE, 3)
    assert found.errors.probability is None
    assert "tampering with messages" in told


def test_a_model_that_decides_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "tampered", lambda *_: ())
    other = 1 - linear_model().predict_proba(ASKED)
    found = verify_program(program("coefficients"), ASKED, source="made up", plain=Plain("another model", other))
    assert {check.name for check in judged(found) if check.verdict == "broken"} == {"decisions", "tampering"}


def test_no_rows_and_rows_that_a_client_refuses() -> None:
    with pytest.raises(EmptyData):
        verify_program(program("coefficients"), ASKED[:0], source="nothing")
    with pytest.raises(OutOfRange):
        verify_program(program("coefficients"), ASKED * 100, source="elsewhere")
