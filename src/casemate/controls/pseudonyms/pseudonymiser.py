"""Pseudonyms of a column: what all kinds have in common, and how one is made from a policy's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from casemate.controls.pseudonyms.derivation import derive_key
from casemate.controls.pseudonyms.ff1 import ALPHABETS, Ff1
from casemate.controls.pseudonyms.keyed_hash import KeyedHash
from casemate.controls.pseudonyms.siv import Siv
from casemate.core.errors import SecretError, UnknownName, did_you_mean

if TYPE_CHECKING:
    import polars as pl

KEY_BYTES = {"hmac": 32, "aes-siv": 64, "ff1": 32}
"""The kinds of pseudonyms, each with the bytes of the key that is derived for it."""


class Pseudonymiser(Protocol):
    """Gives every value of a column a stand-in, the same for equal values."""

    @property
    def name(self) -> str:
        """What it is called in a release and in lineage, such as ``hmac-sha256``."""

    @property
    def reversible(self) -> bool:
        """Whether there is a way back for whoever holds the key."""

    def apply(self, values: pl.Series) -> pl.Series:
        """Return the pseudonyms of a column, as text; missing values stay missing."""

    def reverse(self, values: pl.Series, dtype: pl.DataType | None = None) -> pl.Series:
        """Return the values of a column of pseudonyms: as text, or of the type that they had."""


def pseudonymiser(kind: str, key: bytes, *, alphabet: str = "digits", tweak: bytes = b"") -> Pseudonymiser:
    """Return a pseudonymiser.

    Args:
        kind: ``hmac`` (no way back), ``aes-siv`` (reversible) or ``ff1`` (reversible, keeps the format).
        key: good for one column and purpose; `KEY_BYTES` says of how many bytes.
        alphabet: of ff1, by name: digits, lower, upper or alphanumeric.
        tweak: of aes-siv and ff1: further bytes that must be the same to turn a pseudonym back; no secret.

    Raises:
        UnknownName: no such kind or alphabet.
        SecretError: a key that the kind cannot use, or a tweak for hmac.
    """
    if kind not in KEY_BYTES:
        hint = did_you_mean(kind, KEY_BYTES)
        raise UnknownName(f"there is no kind of pseudonym {kind!r}.{hint}", fix=f"take one of {', '.join(KEY_BYTES)}")
    if kind == "aes-siv":
        return Siv(key, tweak)
    if kind == "ff1":
        if alphabet not in ALPHABETS:
            hint = did_you_mean(alphabet, ALPHABETS)
            raise UnknownName(f"there is no alphabet {alphabet!r}.{hint}", fix=f"take one of {', '.join(ALPHABETS)}")
        return Ff1(key, ALPHABETS[alphabet], tweak)
    if tweak:
        raise SecretError("hmac takes no tweak", fix="derive another key instead: derive_key(..., use=...)")
    return KeyedHash(key)


def column_pseudonymiser(
    kind: str, master: bytes, *, dataset: str, column: str, purpose: str, epoch: str, alphabet: str = "digits"
) -> Pseudonymiser:
    """Return the pseudonymiser of one column for one purpose and key epoch, under a key derived for nothing else.

    Args:
        kind, alphabet: see `pseudonymiser`.
        master: the data set's secret, from a key store.
        dataset, column, purpose, epoch: see `derive_key`.

    Raises:
        UnknownName: no such kind or alphabet.
        SecretError: a field is empty, or the master is too short.
    """
    length = KEY_BYTES.get(kind, 32)
    use = f"pseudonym:{kind}:{alphabet}" if kind == "ff1" else f"pseudonym:{kind}"
    key = derive_key(master, dataset=dataset, column=column, purpose=purpose, epoch=epoch, use=use, length=length)
    return pseudonymiser(kind, key, alphabet=alphabet)
