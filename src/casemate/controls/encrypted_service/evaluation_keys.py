"""Public keys as bytes: the residues alone, in an order that the program fixes, so that their size is known before.

What the server hands to SEAL it writes itself, from residues that it has checked: no header, length or compression that
came from outside reaches SEAL's loader. Layouts: SEAL 4.4, ``native/src/seal/kswitchkeys.cpp`` and ``ciphertext.cpp``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import packed_polynomials, polynomial_bytes, unpacked_polynomials
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.residues import CIPHERTEXT, HEAD, MAGIC
from casemate.controls.homomorphic.seeds import SEED_BYTES, Seeded
from casemate.core.errors import BadEnvelope, NotCanonical

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context

_WORD = struct.Struct("<Q")
_GENERATOR = 3


@dataclass(frozen=True)
class KeyForm:
    """Which public keys of a client a program needs.

    Args:
        chain: degree and primes; the last prime switches keys.
        rotations: by how many slots ciphertexts are rotated to the left; negative ones to the right.
        relinearise: whether products of ciphertexts are brought back to two polynomials.
        encrypt: whether the server encrypts for the client: zeros, which are added to its answers.
        seeded: whether the public key for that is a seeded ciphertext by coefficients, or SEAL's.
    """

    chain: Chain
    rotations: tuple[int, ...] = ()
    relinearise: bool = False
    encrypt: bool = False
    seeded: bool = False

    @property
    def elements(self) -> tuple[int, ...]:
        """The Galois elements of the rotations, ascending: powers of 3 modulo twice the degree."""
        slots, twice = self.chain.slots, 2 * self.chain.degree
        return tuple(sorted({pow(_GENERATOR, step % slots, twice) for step in self.rotations}))

    @property
    def public_bytes(self) -> int:
        """Bytes of the public key."""
        if self.seeded:
            return self.encrypt * (SEED_BYTES + polynomial_bytes(self.chain.levels, self.chain.degree))
        return self.encrypt * 2 * polynomial_bytes(self.chain.primes, self.chain.degree)

    @property
    def bytes(self) -> int:
        """Bytes that the keys take, exactly."""
        switching = (len(self.elements) + self.relinearise) * (len(self.chain.primes) - 1)
        return self.public_bytes + switching * 2 * polynomial_bytes(self.chain.primes, self.chain.degree)


@dataclass(frozen=True, eq=False)
class EvaluationKeys:
    """What lets a server encrypt for a client, and rotate and multiply its ciphertexts; no help in reading them.

    Args:
        public: SEAL's PublicKey, or a seeded ciphertext of zero; None where the program needs none.
        relinearisation: SEAL's RelinKeys; None where the program needs none.
        rotation: SEAL's GaloisKeys; None where the program needs none.
    """

    public: Any = None
    relinearisation: Any = None
    rotation: Any = None


def packed_keys(keys: Mapping[str, bytes | Seeded], form: KeyForm) -> bytes:
    """Return the residues of keys: public, relinearisation, rotations by ascending Galois element.

    Args:
        keys: "public", "relinearisation" and "rotation" as SEAL serialises them, those that the form names; the public
            one as a seeded ciphertext where the form says so.
        form: which they must be.

    Raises:
        BadEnvelope: they are not the keys that the form names.
    """
    primes, shape = form.chain.primes, (2, len(form.chain.primes), form.chain.degree)
    parts = [_packed_public(keys.get("public"), form)] if form.encrypt else []
    for name, slots in (("relinearisation", _slots(form, False)), ("rotation", _slots(form, True))):
        if not slots:
            continue
        data = keys.get(name)
        if not isinstance(data, bytes) or len(data) != _serialised_bytes(form, slots):
            raise _other()
        parts.extend(packed_polynomials(values.reshape(shape), primes) for values in _residues_in(data, slots, form))
    return b"".join(parts)


def loaded_keys(data: memoryview, form: KeyForm, context: Context) -> EvaluationKeys:
    """Return SEAL's keys of residues that came from outside.

    Raises:
        BadEnvelope: another number of bytes than the form says, or SEAL refuses them.
        NotCanonical: a residue that is not below its prime, or a second polynomial that is zero.
    """
    if len(data) != form.bytes:
        raise BadEnvelope(f"evaluation keys of {len(data):,} bytes, where {form.bytes:,} are expected")
    public, switching = data[: form.public_bytes], _bodies(data[form.public_bytes :], form)
    relinearisation, rotation, seal = _slots(form, False), _slots(form, True), context.seal
    try:
        return EvaluationKeys(
            _loaded_public(public, form, context) if form.encrypt else None,
            seal.from_relin_str(_serialised(switching, relinearisation, form, context)) if relinearisation else None,
            seal.from_galois_str(_serialised(switching, rotation, form, context)) if rotation else None,
        )
    except (RuntimeError, ValueError) as error:
        raise BadEnvelope(f"SEAL refuses the evaluation keys: {error}") from error


def _packed_public(key: bytes | Seeded | None, form: KeyForm) -> bytes:
    primes, chain = form.chain.primes, form.chain
    if form.seeded:
        if not isinstance(key, Seeded) or key.transformed or key.c0.shape != (len(chain.levels), chain.degree):
            raise _other()
        return key.seed + packed_polynomials(key.c0[None], chain.levels)
    if not isinstance(key, bytes) or len(key) != _part_bytes(form):
        raise _other()
    words = 2 * len(primes) * chain.degree
    values = np.frombuffer(key, "<u8", words, len(key) - 8 * words).reshape(2, len(primes), -1)
    return packed_polynomials(values, primes)


def _loaded_public(data: memoryview, form: KeyForm, context: Context) -> Any:
    if form.seeded:
        (values,) = unpacked_polynomials(data[SEED_BYTES:], form.chain.levels, form.chain.degree)
        return Seeded(bytes(data[:SEED_BYTES]), values, 1.0, transformed=False)
    return context.seal.from_public_str(_before(form, context) + next(_bodies(data, form)))


def _other() -> BadEnvelope:
    return BadEnvelope("these evaluation keys are not the ones that the program names")


def _slots(form: KeyForm, rotation: bool) -> Sequence[bool]:
    """SEAL's table of keys: at which indices there is one. Empty where the program needs none of this kind."""
    if not rotation:
        return [True] if form.relinearise else []
    held = {(element - 1) // 2 for element in form.elements}
    return [index in held for index in range(form.chain.degree)] if held else []


def _part_bytes(form: KeyForm) -> int:
    """Bytes of one ciphertext of a key, as SEAL writes it."""
    return HEAD.size + CIPHERTEXT.size + HEAD.size + _WORD.size + 16 * len(form.chain.primes) * form.chain.degree


def _serialised_bytes(form: KeyForm, slots: Sequence[bool]) -> int:
    parts = sum(slots) * (len(form.chain.primes) - 1)
    return HEAD.size + 32 + _WORD.size * (1 + len(slots)) + parts * _part_bytes(form)


def _residues_in(data: bytes, slots: Sequence[bool], form: KeyForm) -> Iterator[np.ndarray]:
    """The residues of every ciphertext in keys that SEAL wrote."""
    size, at = _part_bytes(form), HEAD.size + 32 + _WORD.size
    words = 2 * len(form.chain.primes) * form.chain.degree
    for held in slots:
        at += _WORD.size
        for _ in range((len(form.chain.primes) - 1) * held):
            yield np.frombuffer(data, "<u8", words, at + size - 8 * words)
            at += size


def _bodies(data: memoryview, form: KeyForm) -> Iterator[bytes]:
    """The residues of every ciphertext of a key, checked, as SEAL holds them."""
    primes, degree = form.chain.primes, form.chain.degree
    size = 2 * polynomial_bytes(primes, degree)
    for start in range(0, len(data), size):
        both = unpacked_polynomials(data[start : start + size], primes, degree, 2)
        if not both[1].any(axis=1).all():
            raise NotCanonical("an evaluation key whose second polynomial is zero")
        yield both.tobytes()


def _before(form: KeyForm, context: Context) -> bytes:
    """What SEAL writes before the residues of one ciphertext of a key."""
    primes, degree = len(form.chain.primes), form.chain.degree
    words = 2 * primes * degree
    return b"".join(
        (
            HEAD.pack(MAGIC, _part_bytes(form)),
            CIPHERTEXT.pack(_level(context), True, 2, degree, primes, 1.0, 1),
            HEAD.pack(MAGIC, HEAD.size + _WORD.size + 8 * words),
            _WORD.pack(words),
        )
    )


def _serialised(bodies: Iterator[bytes], slots: Sequence[bool], form: KeyForm, context: Context) -> bytes:
    """What SEAL would have written of these keys, uncompressed."""
    before, each = _before(form, context), len(form.chain.primes) - 1
    parts = [HEAD.pack(MAGIC, _serialised_bytes(form, slots)), _level(context), _WORD.pack(len(slots))]
    for held in slots:
        parts.append(_WORD.pack(each * held))
        for _ in range(each * held):
            parts += before, next(bodies)
    return b"".join(parts)


def _level(context: Context) -> bytes:
    return struct.pack("<4Q", *context.seal.key_context_data().parms_id())
