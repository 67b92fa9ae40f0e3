import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encryption.chunks import TAG, Altered, seal, unseal

KEY = bytes(range(32))
SIZE = 16


class Dribbling(io.BytesIO):
    """A stream that gives few bytes at a time, as pipes and sockets do."""

    def readinto(self, room) -> int:
        return super().readinto(room[:5])


def sealed(plain: bytes, size: int = SIZE, key: bytes = KEY) -> bytes:
    out = io.BytesIO()
    assert seal(key, io.BytesIO(plain), out, size) == len(plain)
    return out.getvalue()


def unsealed(raw: bytes, size: int = SIZE, key: bytes = KEY) -> bytes:
    out = io.BytesIO()
    assert unseal(key, io.BytesIO(raw), out, size) == len(out.getvalue())
    return out.getvalue()


def pieces(raw: bytes) -> list[bytes]:
    return [raw[start : start + SIZE + TAG] for start in range(0, len(raw), SIZE + TAG)]


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=5 * SIZE))
def test_what_is_sealed_comes_back(plain: bytes) -> None:
    raw = sealed(plain)
    assert unsealed(raw) == plain
    chunks = max(1, -(-len(plain) // SIZE))
    assert len(raw) == len(plain) + chunks * TAG
    out = io.BytesIO()
    unseal(KEY, Dribbling(raw), out, SIZE)
    assert out.getvalue() == plain
    out = io.BytesIO()
    seal(KEY, Dribbling(plain), out, SIZE)
    assert out.getvalue() == raw


PLAIN = bytes(range(3 * SIZE + 5))


def test_every_altered_bit_is_found_in_its_chunk() -> None:
    raw = bytearray(sealed(PLAIN))
    for bit in range(len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Altered) as caught:
            unsealed(bytes(raw))
        assert caught.value.number == bit // 8 // (SIZE + TAG)
        raw[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("plain", [b"", PLAIN, PLAIN[: 3 * SIZE]], ids=["empty", "part", "whole"])
def test_every_cut_is_found(plain: bytes) -> None:
    raw = sealed(plain)
    for end in range(len(raw)):
        with pytest.raises(Altered):
            unsealed(raw[:end])


def test_chunks_that_were_moved_dropped_doubled_or_added_are_found() -> None:
    a, b, c, d = pieces(sealed(PLAIN))
    other = pieces(sealed(PLAIN[::-1], key=KEY[::-1]))
    for order in (
        [b, a, c, d],
        [a, c, b, d],
        [a, b, d],
        [b, c, d],
        [a, a, b, c, d],
        [a, b, c, d, d],
        [a, b, c, d, other[0]],
        [a, other[1], c, d],
        [a, b, c],
        [a, b, c, d, b""[:0] + b"\0"],
    ):
        with pytest.raises(Altered):
            unsealed(b"".join(order))


def test_nothing_of_an_altered_chunk_is_written() -> None:
    raw = bytearray(sealed(PLAIN))
    raw[SIZE + TAG] ^= 1
    out = io.BytesIO()
    with pytest.raises(Altered):
        unseal(KEY, io.BytesIO(raw), out, SIZE)
    assert out.getvalue() == PLAIN[:SIZE]


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Altered):
        unsealed(sealed(PLAIN), key=bytes(32))


def test_whoever_watches_hears_of_every_byte() -> None:
    heard: list[int] = []
    raw = io.BytesIO()
    seal(KEY, io.BytesIO(PLAIN), raw, SIZE, heard.append)
    assert heard == [16, 16, 16, 5]
    heard.clear()
    unseal(KEY, io.BytesIO(raw.getvalue()), io.BytesIO(), SIZE, heard.append)
    assert heard == [16, 16, 16, 5]
