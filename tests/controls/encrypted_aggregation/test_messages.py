from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation import messages
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.messages import Kind
from casemate.core.errors import BadEnvelope, EncryptedError, NotCanonical, NotEnrolled, WrongKey, WrongPlan

PLAN, KEY, BODY = bytes(range(32)), bytes(range(32, 64)), b"body" * 9
SENDER = Identity("sender", bytes(32))
SENDERS = {"sender": SENDER.public}
DATA = messages.signed(Kind.CONTRIBUTION, PLAN, KEY, SENDER, BODY)


def read(data: bytes, **changes: object) -> messages.Message:
    given = {"kind": Kind.CONTRIBUTION, "plan": PLAN, "key": KEY, "senders": SENDERS, "body": len(BODY)} | changes
    return messages.read(data, **given)  # type: ignore[arg-type]


def test_a_message_comes_back() -> None:
    message = read(DATA)
    assert (message.sender, bytes(message.body)) == ("sender", BODY)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kind": Kind.PART}, BadEnvelope),
        ({"plan": bytes(32)}, WrongPlan),
        ({"key": bytes(32)}, WrongKey),
        ({"senders": {"other": SENDER.public}}, NotEnrolled),
        ({"senders": {"sender": Identity.new("x").public}}, BadEnvelope),
        ({"body": len(BODY) - 1}, BadEnvelope),
        ({"body": len(BODY) + 1}, BadEnvelope),
    ],
)
def test_a_message_for_something_else_is_refused(changes: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        read(DATA, **changes)


def test_a_byte_that_means_nothing_must_be_zero() -> None:
    with pytest.raises(NotCanonical):
        read(DATA[:7] + b"\1" + DATA[8:])


@given(st.integers(0, 8 * len(DATA) - 1))
def test_no_bit_can_be_flipped(bit: int) -> None:
    altered = bytearray(DATA)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(EncryptedError):
        read(bytes(altered))


@given(st.integers(0, len(DATA) - 1), st.binary(min_size=1, max_size=5))
def test_nothing_can_be_cut_off_or_added(place: int, more: bytes) -> None:
    for data in (DATA[:place], DATA + more, DATA[:place] + more + DATA[place:]):
        with pytest.raises(EncryptedError):
            read(data)


@given(st.binary(max_size=300))
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(EncryptedError):
        read(data)
    with pytest.raises(EncryptedError):
        read(DATA[:72] + data)
