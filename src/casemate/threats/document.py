"""The form of `catalogue.toml`: what the file may say, and the checks that its parts agree."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from casemate.core.errors import CasemateError, did_you_mean
from casemate.core.threat import Asset, Family, Stage

Text = Annotated[str, Meta(min_length=1)]
ThreatId = Annotated[str, Meta(pattern=r"\A[a-z]+(-[a-z]+)*\Z")]


class FrameworkEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public framework: its name, the edition in use, its address, and the form of its ids (a regular expression).

    `page` is the address of one entry; `{id}` stands for its id, `{slug}` for id and title joined by underscores.
    """

    name: Text
    edition: Text
    url: Text
    pattern: Text
    page: str = ""


class ReferenceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a framework; `checked` says whether id and title were read in a text of its publisher."""

    framework: Text
    title: Text
    checked: bool = True


class RenamedEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A former id or title, what it is now, and the edition that changed it."""

    was: Text
    was_title: Text
    now: Text
    now_title: Text
    framework: Text
    since: Text


class ThreatEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A threat as the file writes it: references are ids, a missing limit means that the user must choose one."""

    title: Text
    asset: Asset
    stage: Stage
    description: Text
    effect: Text
    references: Annotated[tuple[str, ...], Meta(min_length=1)]
    remedies: Annotated[tuple[Text, ...], Meta(min_length=2, max_length=4)]
    family: Family | None = None
    default_limit: Annotated[float, Meta(ge=0, le=1)] | None = None
    aliases: tuple[ThreatId, ...] = ()


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    edition: Annotated[str, Meta(pattern=r"\A\d{4}\.(0[1-9]|1[0-2])\Z")]
    frameworks: dict[str, FrameworkEntry]
    references: dict[str, ReferenceEntry]
    threats: dict[ThreatId, ThreatEntry]
    renamed: tuple[RenamedEntry, ...] = ()


def parse(text: str, where: str) -> Document:
    """Read a catalogue from TOML text; `where` is the place that errors name.

    Raises:
        CasemateError: not TOML, not the form above, or parts that contradict each other.
    """
    try:
        document = msgspec.convert(tomllib.loads(text), Document, strict=True)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise damaged(f"The threat catalogue cannot be read: {error}.", where) from error
    for complaint in _contradictions(document):
        raise damaged(complaint, where)
    return document


def damaged(what: str, where: str) -> CasemateError:
    """Return the error for a catalogue that cannot be used."""
    why = "Threats, their references and the default limits all come from this file."
    return CasemateError(what, where=where, why=why, fix="Correct the file, or reinstall casemate to restore its own.")


def _contradictions(document: Document) -> Iterator[str]:
    """Say, in one sentence each, what in the file does not agree."""
    yield from _bad_patterns(document)
    yield from _bad_ids(document)
    for name, threat in document.threats.items():
        for cited in threat.references:
            if cited not in document.references:
                hint = did_you_mean(cited, document.references)
                yield f"Threat {name!r} cites {cited!r}, which [references] does not list.{hint}"
        for cited in _repeated(threat.references):
            yield f"Threat {name!r} cites {cited!r} more than once."
    spellings = [*document.threats, *(alias for threat in document.threats.values() for alias in threat.aliases)]
    for spelling in _repeated(spellings):
        yield f"The name {spelling!r} stands for more than one threat."
    for former in _repeated(entry.was_title.casefold() for entry in document.renamed):
        yield f"The former title {former!r} is listed more than once."


def _bad_patterns(document: Document) -> Iterator[str]:
    for key, framework in document.frameworks.items():
        try:
            re.compile(framework.pattern)
        except re.error as error:
            yield f"The pattern of framework {key!r} is no regular expression: {error}."


def _bad_ids(document: Document) -> Iterator[str]:
    ids = [(id, entry.framework) for id, entry in document.references.items()]
    ids += [(id, entry.framework) for entry in document.renamed for id in (entry.was, entry.now)]
    for id, key in ids:
        framework = document.frameworks.get(key)
        if framework is None:
            yield f"{id!r} belongs to framework {key!r}, which is not declared.{did_you_mean(key, document.frameworks)}"
        elif not re.fullmatch(framework.pattern, id):
            yield f"{id!r} is not of the form of an id of {framework.name} ({framework.pattern})."
    for entry in document.renamed:
        today = document.references.get(entry.now)
        if today is not None and today.title != entry.now_title:
            yield f"{entry.now!r} has two titles today: {today.title!r} and {entry.now_title!r}."
        if entry.was != entry.now and entry.was in document.references:
            yield f"{entry.was!r} was renumbered to {entry.now!r} but is still listed."


def _repeated(names: Iterator[str] | list[str] | tuple[str, ...]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
