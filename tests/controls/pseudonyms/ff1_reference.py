"""FF1 as NIST SP 800-38G writes it down, one numeral at a time, with Python's own numbers: slow and plain."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def encrypt(key: bytes, numeral: Sequence[int], radix: int, tweak: bytes) -> list[int]:
    n, t = len(numeral), len(tweak)
    u = n // 2
    v = n - u
    a, b_half = list(numeral[:u]), list(numeral[u:])
    b = -(-(radix**v - 1).bit_length() // 8)
    d = 4 * -(-b // 4) + 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, u % 256]) + n.to_bytes(4, "big") + t.to_bytes(4, "big")
    for i in range(10):
        q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + number(b_half, radix).to_bytes(b, "big")
        r = mac(key, p + q)
        s = r
        for j in range(1, -(-d // 16)):
            s += block(key, bytes(x ^ y for x, y in zip(r, j.to_bytes(16, "big"), strict=True)))
        m = u if i % 2 == 0 else v
        c = (number(a, radix) + int.from_bytes(s[:d], "big")) % radix**m
        a, b_half = b_half, numeral_of(c, m, radix)
    return a + b_half


def number(numeral: Sequence[int], radix: int) -> int:
    total = 0
    for digit in numeral:
        total = total * radix + digit
    return total


def numeral_of(value: int, m: int, radix: int) -> list[int]:
    return [value // radix ** (m - 1 - place) % radix for place in range(m)]


def mac(key: bytes, text: bytes) -> bytes:
    y = bytes(16)
    for start in range(0, len(text), 16):
        y = block(key, bytes(x ^ z for x, z in zip(y, text[start : start + 16], strict=True)))
    return y


def block(key: bytes, plain: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(plain)
