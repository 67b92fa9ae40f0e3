"""What a column's name says of its values, in nine languages."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from casemate.controls.profiling.kinds import KINDS
from casemate.controls.profiling.words import COUNTED, HINTS, THINGS

_LONGEST = 5
_SPECIAL = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "đ": "d", "ı": "i"}
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SAYS_NOTHING = {"field", "column", "variable", "table", "dataset"}
_OF_NAMES = ("full-name", "row-key", "address", "given-name", "family-name", "code", "uuid", "url", "free-text")


@lru_cache(maxsize=4096)
def hint(name: str) -> str | None:
    """Return the kind that a column's name suggests; None where it suggests none.

    The longest term in it wins, among equally long ones the last: ``date_of_birth`` is a birth date and no date.
    """
    words = name_words(name)
    if not words:
        return None
    whole = _terms().get("".join(words))
    if whole is None and {words[0], words[-1]} & _counted():
        return None
    best: tuple[int, int, str] | None = None
    for start in range(len(words)):
        for end in range(start + 1, min(start + _LONGEST, len(words)) + 1):
            kind = _terms().get("".join(words[start:end]))
            if kind is not None and not (kind == "row-key" and not _is_key(words, start, end)):
                best = max(best or (0, 0, ""), (end - start, end, kind))
    if best is None:
        return None
    if best[2] in _OF_NAMES and set(words[: best[1]]) & _things():
        return None
    return best[2]


def of_things(name: str) -> bool:
    """Return whether a column's name says that names in it are those of things or firms, and no person's."""
    return not (_things() - _SAYS_NOTHING).isdisjoint(name_words(name))


def name_words(name: str) -> list[str]:
    """Return the words of a column's name, in lower case, without accents: ``StraßenNr.2`` gives strassen, nr, 2."""
    return [word.lower() for word in _PARTS.findall(_plain(name))]


def fold(text: str) -> str:
    """Return text in lower case and without accents."""
    return text.lower() if text.isascii() else text.translate(_folds()).lower()


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return "".join(char for char in apart if not unicodedata.combining(char))


@cache
def _folds() -> dict[int, str]:
    """Every Latin letter with an accent, and what it is without; an accent that stands apart is left out."""
    letters = {code: _plain(chr(code)) for block in (range(0xC0, 0x250), range(0x1E00, 0x1F00)) for code in block}
    return {code: plain for code, plain in letters.items() if plain != chr(code)} | dict.fromkeys(
        range(0x300, 0x370), ""
    )


def _is_key(words: list[str], start: int, end: int) -> bool:
    """Whether "id", "no" or the like stands alone or at an end, as the head of the name."""
    return len(words) == end - start or end == len(words)


@cache
def _terms() -> dict[str, str]:
    terms: dict[str, str] = {}
    for kind, listed in HINTS.items():
        assert kind in KINDS, kind
        for term in listed.split():
            terms.setdefault(term.replace("-", ""), kind)
    return terms


@cache
def _things() -> frozenset[str]:
    return frozenset(THINGS.split())


@cache
def _counted() -> frozenset[str]:
    return frozenset(COUNTED.split())
