"""The ten rounds of FF1 (NIST SP 800-38G, algorithms 7 and 8), for a whole column of equally long numerals at once.

Names are those of the standard: a numeral of n digits is cut into A (u digits) and B (v digits); Q holds the tweak, the
round and NUM(B) in b bytes; R is its CBC-MAC; y the first d bytes of what R expands to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.pseudonyms.limbs import (
    Base,
    Limbs,
    added,
    from_digits,
    from_words,
    subtracted,
    to_digits,
    to_words,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

ROUNDS = 10
_BLOCK = 16
_LANE = 8


def permute(key: bytes, digits: np.ndarray, radix: int, tweak: bytes, *, back: bool = False) -> np.ndarray:
    """Return the encrypted numerals, or with ``back`` the decrypted ones.

    Args:
        key: of AES, 16, 24 or 32 bytes.
        digits: (n, N) uint8: the first digits of all numerals, then the second ones; n at least 2.
        radix: in [2, 256].
        tweak: of any length.

    Returns:
        (n, N) uint8.
    """
    n = len(digits)
    u = n // 2
    v = n - u
    rounds = _Rounds(key, radix, n, tweak, digits.shape[1])
    base = rounds.base
    a, b = from_digits(digits[:u], base), from_digits(digits[u:], base)
    for i in reversed(range(ROUNDS)) if back else range(ROUNDS):
        m = v if i % 2 else u
        if back:
            a, b = subtracted(b, rounds.y(i, a), m, base), a
        else:
            a, b = b, added(a, rounds.y(i, b), m, base)
    return np.concatenate([to_digits(a, u, base), to_digits(b, v, base)])


class _Rounds:
    """The round function for one length of numerals: everything that is the same for all rows is worked out once."""

    def __init__(self, key: bytes, radix: int, n: int, tweak: bytes, rows: int) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        u = n // 2
        v = n - u
        self.base = Base(radix, v)
        self.b = -(-(radix**v - 1).bit_length() // 8)
        self.d = 4 * -(-self.b // 4) + 4
        self.rows = rows
        self.encryptor: CipherContext = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block
        p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([ROUNDS, u % 256])
        p += n.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
        q = tweak + bytes((-len(tweak) - self.b - 1) % _BLOCK) + bytes(1 + self.b)
        self.blocks = -(-(1 + self.b) // _BLOCK)  # that differ from row to row
        fixed = p + q[: len(q) - self.blocks * _BLOCK]
        self.tail = bytearray(q[len(q) - self.blocks * _BLOCK :])
        self.chain = bytes(_BLOCK)
        for start in range(0, len(fixed), _BLOCK):
            self.chain = self.encryptor.update(_xor(self.chain, fixed[start : start + _BLOCK]))

    def y(self, i: int, b: Limbs) -> Limbs:
        """The number that round i adds, modulo R^count."""
        r = self._mac(i, b)
        if self.d == _LANE:  # and so one limb
            number = r.view(np.uint64)[:, 0].byteswap()
            modulus = np.uint64(self.base.modulus)
            return [number - number // modulus * modulus]
        words = [word for block in self._expanded(r) for word in block.view(">u4").T]
        return from_words((word.astype(np.uint64) for word in words[: self.d // 4]), self.base)

    def _mac(self, i: int, b: Limbs) -> np.ndarray:
        """CBC-MAC of P and Q, (N, 16) uint8: one call of AES for each block of Q that holds a part of NUM(B)."""
        self.tail[-1 - self.b] = i
        fixed = np.frombuffer(bytes(self.tail), dtype=np.uint64)
        words = to_words(b, -(-self.b // _LANE) * 2, self.base)
        state = np.frombuffer(self.chain, dtype=np.uint64)
        for start in range(0, len(fixed), 2):
            mixed = np.empty((self.rows, 2), dtype=np.uint64)
            for side in (0, 1):
                place = 2 * (len(fixed) - start - side) - 2  # of the lane's lower word: numbers end at the right
                beside = fixed[start + side] ^ state[..., side]
                if place < len(words):
                    lane = words[place] | words[place + 1] << np.uint64(32)
                    mixed[:, side] = lane.byteswap() ^ beside
                else:
                    mixed[:, side] = beside
            state = self._aes(mixed).view(np.uint64)
        return state.view(np.uint8)

    def _expanded(self, r: np.ndarray) -> list[np.ndarray]:
        """R, then AES of R with the numbers 1, 2, ... mixed in, until there are d bytes."""
        blocks = [r]
        for j in range(1, -(-self.d // _BLOCK)):
            number = np.frombuffer(j.to_bytes(_BLOCK, "big"), dtype=np.uint8)
            blocks.append(self._aes(r ^ number))
        return blocks

    def _aes(self, blocks: np.ndarray) -> np.ndarray:
        """Each row encrypted on its own, (N, 16) uint8: one call for all."""
        out = np.empty(len(blocks) * _BLOCK + _BLOCK - 1, dtype=np.uint8)
        size = self.encryptor.update_into(blocks.data.cast("B"), out.data)
        return out[:size].reshape(-1, _BLOCK)


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
