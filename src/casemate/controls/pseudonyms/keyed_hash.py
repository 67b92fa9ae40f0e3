"""Keyed hashes: pseudonyms that nobody can turn back, not even with the key."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casemate.controls.pseudonyms.distinct import over_distinct
from casemate.core.errors import PseudonymRefused, SecretError

if TYPE_CHECKING:
    import polars as pl

BYTES = 16
"""Bytes of the hash that are kept. Two of n different values share a pseudonym with probability below n^2 / 2^129:
1.5e-21 for a thousand million."""

SHORTEST_KEY = 16


@dataclass(frozen=True)
class KeyedHash:
    """HMAC-SHA256 (RFC 2104) of each value's canonical text, the first 16 bytes in 32 hexadecimal characters.

    Only distinct values are hashed. Whoever holds the key can find the value of a pseudonym by hashing guesses; whoever
    does not can still count how often each occurs.

    Args:
        key: at least 16 bytes, good for one column and purpose; see `derive_key`.

    Raises:
        SecretError: the key is too short.
    """

    key: bytes = field(repr=False)
    name: str = field(default="hmac-sha256", init=False)
    reversible: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if len(self.key) < SHORTEST_KEY:
            what = f"the key of a keyed hash has {len(self.key)} bytes; at least {SHORTEST_KEY} are needed"
            raise SecretError(what, fix="derive it: derive_key(...)")

    def apply(self, values: pl.Series) -> pl.Series:
        """Return the pseudonyms of a column, as text; missing values stay missing.

        Raises:
            PseudonymRefused: values of a kind that has no canonical text.
        """
        return over_distinct(values, self._hashes)

    def reverse(self, values: pl.Series, dtype: pl.DataType | None = None) -> pl.Series:
        """Refuse: a hash has no way back.

        Raises:
            PseudonymRefused: always.
        """
        raise PseudonymRefused(
            "pseudonyms made by a keyed hash cannot be turned back",
            where=f"column {values.name!r}",
            why="the values are not in them, with the key or without",
            fix='give the column the kind "aes-siv" where somebody must be able to; that needs the raw table',
        )

    def _hashes(self, distinct: pl.Series) -> pl.Series:
        import polars as pl

        # The key's two blocks are hashed once; every value starts from a copy of that state.
        keyed = hmac.new(self.key, digestmod="sha256").copy
        hashes = []
        for text in distinct.to_list():
            state = keyed()
            state.update(text.encode())
            hashes.append(state.hexdigest()[: 2 * BYTES])
        return pl.Series(hashes, dtype=pl.String)
