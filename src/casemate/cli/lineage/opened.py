"""The lineage of a sub-verb: opened where it is kept, and names looked up in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from casemate.cli.tracing import files_of, store_of
from casemate.core.errors import CasemateError, UnknownName

if TYPE_CHECKING:
    from casemate.lineage import Lineage
    from casemate.lineage.names import Thing


@contextmanager
def opened(store: str | None, *, create: bool = False) -> Iterator[Lineage]:
    """Yield the lineage at an address, or where `casemate.cli.tracing.store_of` finds it."""
    from casemate.lineage import Lineage

    with Lineage.open(store_of(store), create=create, files=files_of()) as lineage:
        yield lineage


def one(lineage: Lineage, name: str) -> Thing:
    """Return the node of a name; the newest version where it has several.

    Raises:
        UnknownName: there is none.
    """
    return lineage.find(name)[-1]


def of_kind(lineage: Lineage, name: str, *kinds: str) -> Thing:
    """Return the node of a name that must be of one of these kinds; the newest version where it has several."""
    found = one(lineage, name)
    if found.kind not in kinds:
        raise UnknownName(f"{name!r} is a {found.kind}", fix=f"name a {' or a '.join(kinds)}")
    return found


def split(words: Sequence[str], option: str, example: str) -> dict[str, str]:
    """Return NAME=VALUE words as a mapping; VALUE alone goes under "".

    Raises:
        CasemateError: an empty value, or a name given twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.rpartition("=")
        if not value or name in found or (equals and not name):
            raise CasemateError(
                f"{word!r} is not NAME=VALUE, each name once", where=option, fix=f"for example {example}"
            )
        found[name] = value
    return found
