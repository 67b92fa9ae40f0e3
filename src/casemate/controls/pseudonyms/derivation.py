"""Keys from keys: one per data set, column, purpose, epoch and use, so that what two purposes hold cannot be joined."""

from __future__ import annotations

from casemate.core.errors import SecretError

SHORTEST = 16
"""Bytes that a master key must have, at least."""

LONGEST = 255 * 32
"""Bytes that HKDF-SHA256 can give, at most (RFC 5869, section 2.3)."""

_LABEL = b"casemate key v1"


def derive_key(
    master: bytes, *, dataset: str, column: str, purpose: str, epoch: str, use: str, length: int = 32
) -> bytes:
    """Return a key that is good for one thing: HKDF-SHA256 (RFC 5869) of the master key.

    A key tells nothing of the master or of any other key that was derived from it. Every field enters with its length
    in front, so that no two sets of fields share a key, whatever they are made of.

    Args:
        master: the data set's secret, at least 16 random bytes, such as a key store holds.
        dataset: name of the data set.
        column: name of the column.
        purpose: what the data is used for; another purpose, another key, and no way from one to the other.
        epoch: epoch of the purpose's keys; a new one is a rotation.
        use: what the key does, such as ``pseudonym:hmac``.
        length: bytes, in [1, 8160].

    Raises:
        SecretError: the master is too short, a field is empty, or the length is out of range.
    """
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    fields = {"dataset": dataset, "column": column, "purpose": purpose, "epoch": epoch, "use": use}
    _check(master, fields, length)
    return HKDF(SHA256(), length, salt=None, info=_info(fields)).derive(master)


def _info(fields: dict[str, str]) -> bytes:
    """The fields in one, so that they can be told apart again: each with its name and its length in front."""
    parts = [len(_LABEL).to_bytes(4, "big"), _LABEL]
    for name, value in fields.items():
        for text in (name.encode(), value.encode("utf-8", "surrogatepass")):
            parts += [len(text).to_bytes(4, "big"), text]
    return b"".join(parts)


def _check(master: bytes, fields: dict[str, str], length: int) -> None:
    if len(master) < SHORTEST:
        raise SecretError(
            f"the master key has {len(master)} bytes; at least {SHORTEST} are needed",
            why="keys derived from it would be no harder to guess than itself",
            fix="take one from a key store: casemate keys create NAME",
        )
    for name, value in fields.items():
        if not value:
            raise SecretError(
                f"a key cannot be derived without its {name}",
                why="two uses that leave it out would share a key, and what they hold could be joined",
                fix=f"say the {name}",
            )
    if not 1 <= length <= LONGEST:
        raise SecretError(f"a derived key has 1 to {LONGEST} bytes, not {length}", fix="ask for 32")
