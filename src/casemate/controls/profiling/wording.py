"""What a column of words is: names of people, addresses, postcodes, listed words, free text, codes."""

from __future__ import annotations

import re

from casemate.controls.profiling.hints import of_things
from casemate.controls.profiling.kinds import KINDS
from casemate.controls.profiling.lexicon import NameShares, name_shares, set_shares
from casemate.controls.profiling.numeric import TELLING, Told
from casemate.controls.profiling.places import POSTCODES, SHARES, STREETS
from casemate.controls.profiling.sample import Sample

NAMES = 0.2
"""The share of rows that must hold a listed name before a column counts as names; lists are short."""

_WORTH = 0.1
"""The share of the probe that must be listed before more values are looked up."""

_FIRST = 16
_PROSE = 80
_WORD = re.compile(r"[^\W\d_]{2,}|\b[^\W\d_]\b")
_NAMES = ("given-name", "family-name", "full-name")
_STREET = re.compile(STREETS)
_POSTCODES = tuple(
    (re.compile(f"(?:{form.removeprefix('(?i)')})", re.IGNORECASE), where, told) for form, where, told in POSTCODES
)
_CODE = re.compile(r"[A-Za-z]{0,6}[-_/.#]?(?=.*[0-9])[A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*")


def word_kind(taken: Sample, named: str | None) -> Told | None:
    """Return what a column of words is; None leaves it to its name.

    Args:
        taken: the column's values.
        named: the kind that its name suggests, one that words can be.
    """
    if taken.holds == "boolean":
        return None
    return (
        _postcode(taken, named)
        or _listed(taken, named)
        or _street(taken, named)
        or _free_text(taken, named)
        or _names(taken, named)
        or _key(taken, named)
    )


def _postcode(taken: Sample, named: str | None) -> Told | None:
    for form, where, told in _POSTCODES:
        share = _fitting(form, taken.probe)
        if share >= 0.9 and (named == "postcode" or (not told and named is None)):
            return "postcode", 0.95 if named else 0.7, f"its values look like postcodes of {where}"
    return None


def _listed(taken: Sample, named: str | None) -> Told | None:
    """Words that a list knows. Two-letter codes and the like count only where the name agrees."""
    if max(set_shares(taken.first).values(), default=0.0) < _WORTH:
        return None
    shares = set_shares(taken.tally)
    for kind, (least, told) in SHARES.items():
        share = shares.get(kind, 0.0)
        if share >= (0.3 if named == kind else least) and (named == kind or (named is None and not told)):
            sure = 0.95 if named == kind else 0.75
            return kind, sure, f"{share:.0%} of its rows hold a listed word: {KINDS[kind].title}"
    # M and F alone could be anything; a column of nothing but words for sexes is not.
    if 2 <= taken.different <= 4 and shares.get("sex", 0.0) >= 0.95:
        sure = 0.85 if any(len(word) > 3 for word in taken.tally) else 0.5
        return "sex", sure, "its few values are words for sexes"
    return None


def _street(taken: Sample, named: str | None) -> Told | None:
    share = sum(_STREET.search(value) is not None for value in taken.probe) / len(taken.probe) if _long(taken) else 0.0
    if share >= (0.2 if named == "address" else 0.6):
        return "address", 0.95 if named == "address" else 0.8, f"{share:.0%} of its values look like street addresses"
    return None


def _long(taken: Sample) -> bool:
    return any(len(value) > 7 for value in taken.probe[:_FIRST])


def _free_text(taken: Sample, named: str | None) -> Told | None:
    if named not in (None, "free-text") and sum(map(len, taken.probe)) < _PROSE * len(taken.probe):
        return None
    long = sum(len(_WORD.findall(value)) >= 6 for value in taken.probe) / len(taken.probe)
    different = taken.different / len(taken.words)
    if long >= 0.3 and (different > 0.3 or named == "free-text"):
        return "free-text", 0.9, f"{long:.0%} of its values are sentences, which may name anybody"
    return None


def _names(taken: Sample, named: str | None) -> Told | None:
    if (named is not None and named not in _NAMES) or (named is None and of_things(taken.name)):
        return None
    lettered = sum(_lettered(value) for value in taken.probe) / len(taken.probe)
    if lettered < 0.7:
        return None
    first = name_shares(taken.first)
    if named is None and max(first.given, first.family, first.full) < _WORTH:
        return None
    shares = name_shares(taken.tally)
    kind, share = _which(shares, named)
    least = NAMES / 2 if named in _NAMES else NAMES
    if share < least or (named is None and taken.different < 8):
        return None
    sure = min(0.95 if named in _NAMES else 0.5 + share, 0.95)
    return (
        kind,
        sure,
        f"{share:.0%} of its rows hold a listed {'name' if kind == 'full-name' else KINDS[kind].title[2:]}",
    )


def _which(shares: NameShares, named: str | None) -> tuple[str, float]:
    if shares.several >= 0.6:
        return ("full-name" if named in (None, "full-name") else named, shares.full)
    if named in ("given-name", "family-name"):
        return named, max(shares.given, shares.family)
    return ("given-name", shares.given) if shares.given >= shares.family else ("family-name", shares.family)


def _key(taken: Sample, named: str | None) -> Told | None:
    codes = _fitting(_CODE, taken.probe)
    if named == "person-key":
        return named, 0.9, "its name says so"
    if codes >= 0.9 and named in (None, "row-key", "code") and taken.unique and _telling(taken, named):
        return "row-key", 0.85 if named == "row-key" else 0.6, "every row has a code of its own"
    if named == "row-key" and codes >= 0.9:
        return "person-key", 0.6, "its name says a code for each, and some come in several rows"
    if codes >= 0.9 and named is None:
        return "code", 0.6, "codes, and its name says nothing of a person"
    return None


def _telling(taken: Sample, named: str | None) -> bool:
    return named is not None or len(taken.column) >= TELLING


def _fitting(form: re.Pattern[str], values: list[str]) -> float:
    few = values[:_FIRST]
    if sum(form.fullmatch(value) is not None for value in few) < 0.5 * len(few):
        return 0.0
    return sum(form.fullmatch(value) is not None for value in values) / len(values)


def _lettered(value: str) -> bool:
    return len(value) > 1 and all(char.isalpha() or char in " '-.," for char in value) and value[0].isupper()
