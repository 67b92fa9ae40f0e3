"""FF1: pseudonyms in the format of the values, a card number for a card number, that the key turns back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

from casemate.controls.pseudonyms.canonical import from_text, to_text
from casemate.controls.pseudonyms.distinct import over_distinct, row_of
from casemate.core.errors import PseudonymRefused, SecretError

if TYPE_CHECKING:
    import polars as pl

ALPHABETS = {
    "digits": digits,
    "lower": ascii_lowercase,
    "upper": ascii_uppercase,
    "alphanumeric": digits + ascii_uppercase + ascii_lowercase,
}
"""Alphabets by name; a character's place in one is its digit."""

SMALLEST_DOMAIN = 1_000_000
"""Values that there must be of a length, at least: fewer could all be tried (NIST SP 800-38G Rev. 1)."""

KEY_BYTES = (16, 24, 32)

_SAMPLE = 2000


@dataclass(frozen=True)
class Ff1:
    """Format-preserving encryption (NIST SP 800-38G, FF1; never FF3 or FF3-1, which NIST withdrew).

    The characters of the alphabet are encrypted together and stand where they stood; all others (dashes, blanks,
    letters outside it) stay, and can be read. Equal values get equal pseudonyms, of the same length. Nothing shows
    whether a pseudonym was altered or made under another key: it turns back into some other value.

    Args:
        key: of AES, 16, 24 or 32 bytes, good for one column and purpose; see `derive_key`.
        alphabet: at least two different ASCII characters; see `ALPHABETS`.
        tweak: further bytes that must be the same to turn a pseudonym back; no secret.

    Raises:
        SecretError: the key or the alphabet cannot be used.
    """

    key: bytes = field(repr=False)
    alphabet: str = ALPHABETS["digits"]
    tweak: bytes = b""
    name: str = field(default="ff1", init=False)
    reversible: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        if len(self.key) not in KEY_BYTES:
            raise SecretError(f"a key of FF1 has 16, 24 or 32 bytes, not {len(self.key)}", fix="derive_key(...)")
        if len(set(self.alphabet)) != len(self.alphabet) or len(self.alphabet) < 2 or not self.alphabet.isascii():
            raise SecretError(
                "an alphabet of FF1 is at least two ASCII characters, all different", fix=f"take one of {[*ALPHABETS]}"
            )

    @cached_property
    def fewest(self) -> int:
        """Characters of the alphabet that a value must hold, at least: radix^fewest >= 1,000,000."""
        count = 1
        while len(self.alphabet) ** count < SMALLEST_DOMAIN:
            count += 1
        return count

    def apply(self, values: pl.Series) -> pl.Series:
        """Return the pseudonyms of a column, as text; missing values stay missing.

        Raises:
            PseudonymRefused: a value with too few characters of the alphabet, with its row, or values of a kind that
                has no canonical text.
        """
        return self._column(to_text(values), back=False)

    def reverse(self, values: pl.Series, dtype: pl.DataType | None = None) -> pl.Series:
        """Return the values of a column of pseudonyms.

        Args:
            values: pseudonyms, as text.
            dtype: the type that the values had; text where None.

        Raises:
            PseudonymRefused: a pseudonym with too few characters of the alphabet, or a value that is not of the type.
        """
        texts = self._column(to_text(values), back=True)
        return texts if dtype is None else from_text(texts, dtype)

    def _column(self, texts: pl.Series, *, back: bool) -> pl.Series:
        def change(some: pl.Series) -> pl.Series:
            return self._changed(some, texts, back)

        if texts.null_count() or _repeats(texts):
            return over_distinct(texts, change)
        return change(texts).rename(texts.name)

    def _changed(self, some: pl.Series, rows: pl.Series, back: bool) -> pl.Series:
        from casemate.controls.pseudonyms.characters import Text, TooFew
        from casemate.controls.pseudonyms.feistel import permute

        radix = len(self.alphabet)
        try:
            return Text(some, self.alphabet).changed(
                lambda digits: permute(self.key, digits, radix, self.tweak, back=back), self.fewest
            )
        except TooFew as few:
            raise self._refused(rows, row_of(rows, some[few.row]), few.found) from None

    def _refused(self, rows: pl.Series, row: int, found: int) -> PseudonymRefused:
        named = next((name for name, known in ALPHABETS.items() if known == self.alphabet), "the given alphabet")
        return PseudonymRefused(
            f"a value has {found} characters of the alphabet ({named}); ff1 needs at least {self.fewest}",
            where=f"column {rows.name!r}, row {row} (counted from 0)",
            why=f"fewer than {SMALLEST_DOMAIN:,} values could be tried one after the other",
            fix='take a wider alphabet, or the kind "aes-siv", which keeps no format and takes any value',
        )


def _repeats(texts: pl.Series) -> bool:
    """Whether so many values come again that it pays to look for the distinct ones."""
    if len(texts) <= _SAMPLE:
        return bool(len(texts) == 0 or texts.n_unique() < len(texts))
    sample = texts.gather_every(len(texts) // _SAMPLE)
    return sample.n_unique() < 0.7 * len(sample)
