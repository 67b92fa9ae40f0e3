"""AES-SIV: pseudonyms that whoever holds the key can turn back, and that show it when somebody altered them."""

from __future__ import annotations

from binascii import unhexlify
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casemate.controls.pseudonyms.canonical import from_text
from casemate.controls.pseudonyms.distinct import over_distinct, row_of
from casemate.core.errors import SealBroken, SecretError

if TYPE_CHECKING:
    import polars as pl

KEY_BYTES = (32, 48, 64)
"""Lengths that a key may have: it is halved, so AES-256 takes 64."""

BLOCK = 16
"""Texts are filled up to whole blocks, so that a pseudonym tells little of its value's length."""

_END = b"\x80"  # ISO/IEC 7816-4: one bit, then zeros


@dataclass(frozen=True)
class Siv:
    """Deterministic authenticated encryption (RFC 5297) of each value's canonical text, in hexadecimal.

    Equal values get equal pseudonyms, so their frequencies show; a pseudonym has 64 characters for values of up to 15
    bytes, and 32 more for each 16 bytes beyond. Two of n different values share a pseudonym with probability 0: there
    is a way back.

    Args:
        key: 32, 48 or 64 bytes, good for one column and purpose; see `derive_key`. 64 give AES-256.
        tweak: further bytes that must be the same to turn a pseudonym back; no secret.

    Raises:
        SecretError: the key has another length.
    """

    key: bytes = field(repr=False)
    tweak: bytes = b""
    name: str = field(default="aes-siv", init=False)
    reversible: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        if len(self.key) not in KEY_BYTES:
            what = f"a key of AES-SIV has 32, 48 or 64 bytes, not {len(self.key)}"
            raise SecretError(what, fix="derive it: derive_key(..., length=64)")

    def apply(self, values: pl.Series) -> pl.Series:
        """Return the pseudonyms of a column, as text; missing values stay missing.

        Raises:
            PseudonymRefused: values of a kind that has no canonical text.
        """
        return over_distinct(values, self._sealed)

    def reverse(self, values: pl.Series, dtype: pl.DataType | None = None) -> pl.Series:
        """Return the values of a column of pseudonyms.

        Args:
            values: pseudonyms, as text.
            dtype: the type that the values had; text where None.

        Raises:
            SealBroken: one that does not open, with its row.
            PseudonymRefused: a value that is not of the type.
        """
        texts = over_distinct(values, lambda distinct: self._opened(distinct, values))
        return texts if dtype is None else from_text(texts, dtype)

    def _sealed(self, distinct: pl.Series) -> pl.Series:
        import polars as pl
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        encrypt, beside = AESSIV(self.key).encrypt, self._beside
        return pl.Series(
            [encrypt(_filled(text.encode()), beside).hex() for text in distinct.to_list()], dtype=pl.String
        )

    def _opened(self, distinct: pl.Series, rows: pl.Series) -> pl.Series:
        import polars as pl
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        decrypt, beside, opened = AESSIV(self.key).decrypt, self._beside, []
        for token in distinct.to_list():
            try:
                opened.append(_emptied(decrypt(unhexlify(token), beside)).decode())
            except (InvalidTag, ValueError):
                raise _broken(rows, token) from None
        return pl.Series(opened, dtype=pl.String)

    @property
    def _beside(self) -> list[bytes] | None:
        return [self.tweak] if self.tweak else None


def _filled(text: bytes) -> bytes:
    return text + _END + bytes(-(len(text) + 1) % BLOCK)


def _emptied(block: bytes) -> bytes:
    text, end, zeros = block.rpartition(_END)
    if not end or zeros.strip(b"\0"):
        raise ValueError("the text has no end")
    return text


def _broken(rows: pl.Series, token: str) -> SealBroken:
    return SealBroken(
        "a pseudonym does not open",
        where=f"column {rows.name!r}, row {row_of(rows, token)} (counted from 0)",
        why="it was made under another key (data set, column, purpose or epoch), or somebody altered it; "
        "the two cannot be told apart",
        fix="check which purpose and key epoch the table was made for; if they are right, the table was altered",
    )
