import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_service.ciphertexts import (
    Form,
    packed,
    packed_polynomials,
    polynomial_bytes,
    unpacked,
    unpacked_polynomials,
)
from casemate.controls.homomorphic.chain import Chain, ckks_chain
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.seeds import Seeded
from casemate.core.errors import BadEnvelope, EncryptedError, LevelMismatch, NotCanonical

CHAIN = ckks_chain(4096, (36, 36, 34))
SMALL = ckks_chain(2048, (53,))
FORMS = [
    Form(SMALL, 1, 2.0**26, seeded=True),
    Form(CHAIN, 2, 2.0**20),
    Form(CHAIN, 1, 3.5, seeded=True),
    Form(CHAIN, 2, 2.0**20, seeded=True, transformed=False, together=3),
    Form(CHAIN, 2, 2.0**20, transformed=False, kept=(7, 0, 4095)),
]


def some(form: Form, count: int = 1, seed: int = 0) -> list[Seeded | Residues]:
    rng = np.random.default_rng(seed)
    high = np.array(form.primes, np.uint64)[:, None]
    made: list[Seeded | Residues] = []
    for _ in range(count):
        shape = (form.together if form.seeded else 2, form.level, form.chain.degree)
        values = rng.integers(0, high, shape, dtype=np.uint64)
        if form.seeded:
            first = values if form.together > 1 else values[0]
            made.append(Seeded(rng.bytes(32), first, form.scale, form.transformed))
        else:
            if form.kept:
                values[0] *= np.isin(np.arange(form.chain.degree), form.kept)
            made.append(Residues(values, form.scale, form.transformed))
    return made


def values_of(ciphertext: Seeded | Residues) -> np.ndarray:
    return ciphertext.c0 if isinstance(ciphertext, Seeded) else ciphertext.values


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [1, 3])
def test_ciphertexts_come_back_and_are_written_with_the_same_bytes(form: Form, count: int) -> None:
    made = some(form, count)
    body = packed(made, form)
    assert len(body) == form.size(count)
    found = unpacked(memoryview(body), form)
    for one, other in zip(made, found, strict=True):
        assert type(one) is type(other)
        assert np.array_equal(values_of(one), values_of(other))
        assert one.scale == other.scale
    assert packed(found, form) == body


def test_a_linear_query_has_at_most_17_kilobytes() -> None:
    assert Form(SMALL, 1, 2.0**26, seeded=True).size(1) == 4 + 16 + 32 + 2048 * 7


@given(st.lists(st.integers(1, 8), min_size=1, max_size=3), st.integers(1, 3), st.integers(0, 1 << 30))
def test_residues_take_whole_bytes(widths: list[int], count: int, seed: int) -> None:
    primes = [(1 << (8 * width - 3)) - 1 for width in widths]  # no prime need be one here
    top = np.array(primes, np.uint64)[:, None]
    values = np.random.default_rng(seed).integers(0, top, (count, len(primes), 16), dtype=np.uint64)
    values[..., -1] = top[:, 0] - np.uint64(1)
    data = packed_polynomials(values, primes)
    assert len(data) == count * polynomial_bytes(primes, 16) == count * 16 * sum(widths)
    assert np.array_equal(unpacked_polynomials(memoryview(data), primes, 16, count), values)
    sizes = np.tile(np.repeat(widths, 16), count)
    ends = np.cumsum(sizes)
    ints = [int.from_bytes(data[end - size : end], "little") for size, end in zip(sizes, ends, strict=True)]
    assert ints == values.ravel().tolist()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_residue_that_is_not_below_its_prime_is_refused(form: Form, place: int) -> None:
    made = some(form)[0]
    values = values_of(made)[1:] if form.kept else values_of(made)
    values[..., -1, place] = form.primes[-1]
    body = packed([made], form)
    with pytest.raises(NotCanonical, match="not below its prime"):
        unpacked(memoryview(body), form)


def test_of_a_first_polynomial_that_is_nothing_but_answers_these_are_written() -> None:
    form = FORMS[4]
    assert form.entry_bytes == 16 + (3 + 4096) * 2 * 5
    made = some(form)[0]
    values_of(made)[0, :, 7] = form.primes
    with pytest.raises(NotCanonical, match="not below its prime"):
        unpacked(memoryview(packed([made], form)), form)


@pytest.mark.parametrize("limb", [0, 1, slice(None)])
def test_a_ciphertext_that_hides_nothing_is_refused(limb: int | slice) -> None:
    form = FORMS[1]
    made = some(form)[0]
    values_of(made)[1, limb] = 0
    with pytest.raises(NotCanonical, match="hide nothing|second polynomial"):
        unpacked(memoryview(packed([made], form)), form)


@pytest.mark.parametrize(
    ("offset", "code", "value"),
    [
        (4, "<B", 0),
        (4, "<B", 1),
        (4, "<B", 7),
        (5, "<B", 2),
        (6, "<H", 2),
        (8, "<I", 2),
        (12, "<d", 2.0**27),
        (12, "<d", -0.0),
        (12, "<d", float("nan")),
    ],
)
def test_another_form_level_or_scale_is_refused(offset: int, code: str, value: float) -> None:
    form = FORMS[0]
    body = bytearray(packed(some(form), form))
    struct.pack_into(code, body, offset, value)
    with pytest.raises(LevelMismatch):
        unpacked(memoryview(bytes(body)), form)


def test_what_does_not_look_as_the_form_says_is_not_written() -> None:
    with pytest.raises(LevelMismatch):
        packed(some(FORMS[0]), FORMS[1])
    with pytest.raises(LevelMismatch):
        packed(some(FORMS[1]), FORMS[0])
    with pytest.raises(LevelMismatch):
        packed([Residues(np.zeros((2, 2, 4096), np.uint64), 1.0)], FORMS[1])
    with pytest.raises(LevelMismatch):
        packed([Residues(np.zeros((2, 2, 4096), np.uint64), 2.0**20, transformed=False)], FORMS[1])
    with pytest.raises(LevelMismatch):
        packed([Seeded(bytes(31), np.zeros((1, 2048), np.uint64), 2.0**26)], FORMS[0])


def test_a_number_of_ciphertexts_that_the_length_denies_is_refused_without_room_for_them() -> None:
    form = FORMS[0]
    body = bytearray(packed(some(form), form))
    struct.pack_into("<I", body, 0, 0xFFFFFFFF)
    tracemalloc.start()
    try:
        with pytest.raises(BadEnvelope):
            unpacked(memoryview(bytes(body)), form)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("body", [b"", b"\0\0\0", bytes(4), struct.pack("<I", 1)])
def test_bodies_of_no_ciphertexts_are_refused(body: bytes) -> None:
    with pytest.raises(BadEnvelope):
        unpacked(memoryview(body), FORMS[0])


@settings(max_examples=60)
@given(st.sampled_from(FORMS), st.data())
def test_a_changed_body_is_refused_or_means_something_else(form: Form, data: st.DataObject) -> None:
    made = some(form, 2)
    body = bytearray(packed(made, form))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        found = unpacked(memoryview(bytes(body)), form)
    except EncryptedError:
        return
    assert packed(found, form) == bytes(body)
    same = [np.array_equal(values_of(one), values_of(other)) for one, other in zip(made, found, strict=True)]
    seeds = [getattr(one, "seed", b"") == getattr(other, "seed", b"") for one, other in zip(made, found, strict=True)]
    assert not all(same) or not all(seeds)


def test_ciphertexts_of_whole_numbers_are_held_by_coefficients() -> None:
    chain = Chain("bfv", SMALL.degree, SMALL.primes, 12289)
    form = Form(chain, 1, 1.0, transformed=False)
    values = np.ones((2, 1, 2048), np.uint64)
    (found,) = unpacked(memoryview(packed([Residues(values, 1.0, transformed=False)], form)), form)
    assert isinstance(found, Residues)
    assert not found.transformed
