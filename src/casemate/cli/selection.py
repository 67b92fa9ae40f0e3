"""Selection: which of the installed attacks run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from casemate.core.attack import Attack
from casemate.core.errors import UnknownName, did_you_mean


def check(names: Sequence[str], known: Collection[str]) -> None:
    """Say at once when a name is neither an attack nor a family.

    Raises:
        UnknownName: with the nearest name.
    """
    families = sorted({id.partition(".")[0] for id in known})
    for name in names:
        if name not in known and name not in families:
            raise UnknownName(
                f"there is no attack or family {name!r}.{did_you_mean(name, [*known, *families])}",
                where="--attack",
                fix=f"casemate list attacks; families: {', '.join(families)}",
            )


def select(known: Mapping[str, Attack], only: Sequence[str] = (), skip: Sequence[str] = ()) -> list[Attack]:
    """Return the attacks named by id or family, all where none is named, without those to leave out."""
    return [attack for attack in known.values() if (not only or _named(attack, only)) and not _named(attack, skip)]


def _named(attack: Attack, names: Sequence[str]) -> bool:
    return attack.id in names or attack.family in names
