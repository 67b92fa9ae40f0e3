"""The threat catalogue, read once: find a threat by its id, and today's id of a reference by a former one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from types import MappingProxyType

from casemate.core.errors import UnknownName, did_you_mean
from casemate.core.threat import FAMILIES, Family, Reference, Threat
from casemate.threats.document import (
    Document,
    FrameworkEntry,
    ReferenceEntry,
    RenamedEntry,
    ThreatEntry,
    damaged,
    parse,
)


@dataclass(frozen=True, slots=True)
class Renaming:
    """A reference that has a new id or a new title.

    Attributes:
        was, was_title: the former id and title.
        now: the reference as it is today.
        since: the edition of the framework that made the change.
    """

    was: str
    was_title: str
    now: Reference
    since: str


@dataclass(frozen=True)
class Catalogue:
    """All threats of one edition. Immutable.

    Attributes:
        edition: year and month, such as `2026.11`. An assessment records it.
        threats: every threat by its id, in the order of the file.
        references: every cited reference by its id.
        renamings: former ids and titles of references.
    """

    edition: str
    threats: Mapping[str, Threat]
    references: Mapping[str, Reference]
    renamings: tuple[Renaming, ...] = ()

    def threat(self, id: str) -> Threat:
        """Return the threat with this id, or with this alias.

        Raises:
            UnknownName: no threat is called so; the message names the nearest one.
        """
        if id in self.threats:
            return self.threats[id]
        spellings = {alias: threat for threat in self.threats.values() for alias in threat.aliases}
        if id in spellings:
            return spellings[id]
        raise UnknownName(
            f"There is no threat {id!r}.{did_you_mean(id, [*self.threats, *spellings])}",
            where=f"threat catalogue {self.edition}",
            why="Attacks, controls and policy limits name a threat by its id in the catalogue.",
            fix=f"Use one of: {', '.join(self.threats)}.",
        )

    def resolve(self, reference_id: str) -> str:
        """Return today's id of a reference, given its id, a former id, or a title; upper or lower case.

        Raises:
            UnknownName: the catalogue has never heard of it; the message names the nearest one.
        """
        wanted = reference_id.strip().casefold()
        if wanted in self._names:
            return self._names[wanted]
        raise UnknownName(
            f"There is no reference {reference_id!r}.{did_you_mean(reference_id, [*self.references, *self._names])}",
            where=f"threat catalogue {self.edition}",
            why="Reports cite public frameworks by ids that the catalogue knows, present or former.",
            fix="Look the id up in the framework's current edition; it may describe something that is not covered.",
        )

    def citing(self, reference_id: str) -> tuple[Threat, ...]:
        """Return the threats that cite a reference (id, former id or title); empty where none does.

        Raises:
            UnknownName: as `resolve`.
        """
        id = self.resolve(reference_id)
        return tuple(threat for threat in self.threats.values() if any(r.id == id for r in threat.references))

    def families(self) -> Mapping[Family, tuple[Threat, ...]]:
        """Return the eight families of attacks in report order, each with its threats.

        Threats that no family of attacks tests (`family` is None) are in `threats` only.
        """
        everything = self.threats.values()
        return MappingProxyType({name: tuple(t for t in everything if t.family == name) for name in FAMILIES})

    @cached_property
    def _names(self) -> dict[str, str]:
        """Every name of a reference, in lower case, with today's id. Ids win over titles, today's over former ones."""
        known = dict(self.references) | {renaming.now.id: renaming.now for renaming in self.renamings}
        uses = Counter(reference.title.casefold() for reference in known.values())
        names = {renaming.was_title.casefold(): renaming.now.id for renaming in self.renamings}
        # Four entries are called "Model Poisoning": such a title says too little and must be given as an id.
        names |= {r.title.casefold(): r.id for r in known.values() if uses[r.title.casefold()] == 1}
        names |= {renaming.was.casefold(): renaming.now.id for renaming in self.renamings}
        return names | {id.casefold(): id for id in known}


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that is shipped with Casemate. It is read and checked on the first call.

    Raises:
        CasemateError: the installed file is damaged.
    """
    file = resources.files("casemate.threats").joinpath("catalogue.toml")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(f"The threat catalogue cannot be opened: {error}.", str(file)) from error
    return read(text, where=str(file))


def read(text: str, where: str = "catalogue.toml") -> Catalogue:
    """Build a catalogue from TOML text; `where` is the place that errors name.

    Raises:
        CasemateError: not TOML, not the form of a catalogue, or parts that contradict each other.
    """
    document = parse(text, where)
    references = {
        id: _reference(document.frameworks[entry.framework], id, entry) for id, entry in document.references.items()
    }
    return Catalogue(
        edition=document.edition,
        threats=MappingProxyType({id: _threat(id, entry, references) for id, entry in document.threats.items()}),
        references=MappingProxyType(references),
        renamings=tuple(_renaming(entry, document, references) for entry in document.renamed),
    )


def _reference(framework: FrameworkEntry, id: str, entry: ReferenceEntry) -> Reference:
    slug = re.sub(r"[: ]", "_", f"{id}-{entry.title}")
    url = framework.page.replace("{id}", id).replace("{slug}", slug) or framework.url
    return Reference(framework.name, framework.edition, id, entry.title, url, entry.checked)


def _threat(id: str, entry: ThreatEntry, references: Mapping[str, Reference]) -> Threat:
    return Threat(
        id=id,
        title=entry.title,
        family=entry.family,
        asset=entry.asset,
        stage=entry.stage,
        description=entry.description.strip(),
        references=tuple(references[cited] for cited in entry.references),
        remedies=entry.remedies,
        default_limit=entry.default_limit,
        effect=entry.effect,
        aliases=entry.aliases,
    )


def _renaming(entry: RenamedEntry, document: Document, references: Mapping[str, Reference]) -> Renaming:
    now = references.get(entry.now)
    if now is None:  # Known only as the present form of a former id or title: no threat cites it.
        framework = document.frameworks[entry.framework]
        now = Reference(framework.name, framework.edition, entry.now, entry.now_title, framework.url, checked=False)
    return Renaming(entry.was, entry.was_title, now, entry.since)
