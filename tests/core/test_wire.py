from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.core.build import build
from casemate.core.errors import EncryptedError, ModelError
from casemate.core.wire import ClearWire
from fakes import RefuseLeft, square


def wire(*controls: object) -> ClearWire:
    made = build(square(40, *controls), 0).wire  # type: ignore[arg-type]
    assert isinstance(made, ClearWire)
    return made


def test_without_encryption_the_server_is_handed_rows_and_answers_in_the_clear():
    clear, rows = wire(), np.array([[0.9, 0.5], [0.1, 0.2]])
    messages = clear.ask(rows)
    assert messages == [row.tobytes() for row in rows]
    assert not clear.encrypted and clear.key_bytes == 0 and clear.ring is None and clear.stranger() is clear
    for message, label in zip(messages, (1, 0), strict=True):
        reply = clear.answer(message)
        assert reply is not None
        opened = clear.read(message, reply)
        assert opened is not None
        assert opened.scores.argmax() == label and opened.told is None
    with pytest.raises(EncryptedError):
        clear.polynomials(b"")


def test_what_the_guard_refuses_or_the_model_fails_on_is_not_answered():
    assert wire(RefuseLeft(line=0.5)).answer(np.array([0.1, 0.5]).tobytes()) is None

    def fails(request: object) -> object:
        raise ModelError("out of order")

    assert ClearWire(fails, 2, 2).answer(bytes(16)) is None  # type: ignore[arg-type]


@given(st.binary(max_size=40))
def test_whatever_comes_is_a_row_or_refused(message: bytes):
    clear = ClearWire(build(square(40), 0).guard.ask, 2, 2)
    fine = len(message) == 16 and bool(np.isfinite(np.frombuffer(message, "<f8")).all())
    assert (clear.answer(message) is not None) == fine
    assert (clear.read(b"", message) is not None) == fine
