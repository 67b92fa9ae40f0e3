from __future__ import annotations

import numpy as np
import pytest

from casemate.attacks.interception.textbook import DEGREE, PRIME, TextbookWire, times, unsealed_system
from casemate.core.build import build
from casemate.core.errors import CasemateError


def test_it_answers_what_the_model_does() -> None:
    system = unsealed_system()
    built = build(system, 3)
    rows = system.test.X[:20]
    wanted = built.guard.model.scores(rows)
    for message, scores in zip(built.wire.ask(rows), wanted, strict=True):
        reply = built.wire.answer(message)
        assert reply is not None
        opened = built.wire.read(message, reply)
        assert opened is not None
        np.testing.assert_allclose(opened.scores, scores, atol=0.01)


def test_products_wrap_around_with_a_sign() -> None:
    rng = np.random.default_rng(0)
    one, small = rng.integers(0, PRIME, DEGREE), rng.integers(-5, 6, DEGREE)
    full = np.convolve(one.astype(object), small.astype(object))
    full = np.append(full, 0)
    assert times(one, small, PRIME).tolist() == [
        (a - b) % PRIME for a, b in zip(full[:DEGREE], full[DEGREE:], strict=True)
    ]


def test_only_lengths_are_checked() -> None:
    wire = TextbookWire(np.ones(3), 0)
    assert wire.answer(bytes(16 * DEGREE)) is not None
    assert wire.answer(b"\xff" * 16 * DEGREE) is not None
    assert wire.answer(bytes(8)) is None and wire.read(b"", bytes(8)) is None
    with pytest.raises(CasemateError):
        wire.polynomials(bytes(8))
    assert wire.ask(np.zeros((1, 3))) != wire.stranger().ask(np.zeros((1, 3)))
