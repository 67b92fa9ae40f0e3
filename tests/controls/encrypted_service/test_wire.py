import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_service.wire import (
    HEAD_BYTES,
    SEAL_BYTES,
    Head,
    Kind,
    kind_of,
    parsed,
    size_of,
    unsealed,
)
from casemate.core.errors import BadEnvelope, EncryptedError, NotCanonical

heads = st.builds(
    Head,
    st.sampled_from(Kind),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
    st.integers(0, (1 << 64) - 1),
)


def message(head: Head, body: bytes = b"body") -> bytes:
    return unsealed(head, body) + bytes(range(SEAL_BYTES[head.kind]))


@given(heads, st.binary(max_size=300))
def test_what_is_written_is_read_and_written_again_with_the_same_bytes(head: Head, body: bytes) -> None:
    data = message(head, body)
    assert len(data) == size_of(head.kind, len(body))
    found = parsed(data, head.kind, len(data))
    assert (found.head, bytes(found.body)) == (head, body)
    assert bytes(found.covered) + bytes(found.seal) == data
    assert unsealed(found.head, bytes(found.body)) == bytes(found.covered)
    assert kind_of(data) is head.kind


@given(heads, st.binary(max_size=50), st.data())
def test_a_message_that_can_be_read_is_the_only_one_that_says_so(head: Head, body: bytes, data: st.DataObject) -> None:
    """Whatever is changed is refused, or shows in what was read: no byte is without a meaning."""
    good = message(head, body)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    try:
        found = parsed(bytes(bad), head.kind, len(bad))
    except EncryptedError:
        assert at < HEAD_BYTES
        return
    assert (found.head, bytes(found.body), bytes(found.seal)) != (head, body, good[-SEAL_BYTES[head.kind] :])


@given(st.binary(max_size=400), st.sampled_from(Kind))
def test_noise_is_refused(data: bytes, kind: Kind) -> None:
    with pytest.raises(BadEnvelope):
        parsed(data, kind, 1000)
    with pytest.raises(BadEnvelope):
        parsed(b"CMHE" + data, kind, 1000)


@pytest.mark.parametrize("cut", [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 31])
def test_what_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(BadEnvelope):
        parsed(message(Head(Kind.QUERY))[:cut], Kind.QUERY, 1000)


def test_lengths_are_held_to_what_is_allowed_and_to_what_was_said() -> None:
    data = message(Head(Kind.QUERY))
    with pytest.raises(BadEnvelope, match="to 100 are expected"):
        parsed(data, Kind.QUERY, 100)
    with pytest.raises(BadEnvelope, match="says that it has"):
        parsed(data + b"\0", Kind.QUERY, 1000)
    with pytest.raises(BadEnvelope, match="says that it has"):
        parsed(data[:-1], Kind.QUERY, 1000)


@pytest.mark.parametrize("kind", Kind)
def test_a_message_of_another_kind_is_refused(kind: Kind) -> None:
    other = Kind.REPLY if kind is Kind.QUERY else Kind.QUERY
    with pytest.raises(BadEnvelope):
        parsed(message(Head(kind), bytes(100)), other, 1000)


def test_another_version_is_named_and_idle_bytes_are_zero() -> None:
    data = bytearray(message(Head(Kind.QUERY)))
    struct.pack_into("<H", data, 4, 2)
    with pytest.raises(BadEnvelope, match="version 2"):
        parsed(bytes(data), Kind.QUERY, 1000)
    data = bytearray(message(Head(Kind.QUERY)))
    data[7] = 1
    with pytest.raises(NotCanonical):
        parsed(bytes(data), Kind.QUERY, 1000)


def test_what_is_no_message_has_no_kind() -> None:
    assert kind_of(b"") is None
    assert kind_of(bytes(1000)) is None
    data = bytearray(message(Head(Kind.QUERY)))
    data[6] = 99
    assert kind_of(bytes(data)) is None
