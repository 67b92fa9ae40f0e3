"""Describe: what an attack does and what its threat is, in words, as far as this installation knows them."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass

from casemate.core.attack import Attack
from casemate.core.errors import CasemateError
from casemate.report import words

LONGEST_TITLE = 60


@dataclass(frozen=True)
class Description:
    """An attack in words.

    Args:
        title: its name.
        summary: what it does, one sentence; empty where the attack is not installed.
        method: how it does it; empty where the attack is not installed.
    """

    title: str
    summary: str = ""
    method: str = ""


def describe(attack: str) -> Description:
    """Return an attack in words. A stored assessment may name one that is not installed: then its id must do."""
    from casemate.attacks import attacks

    try:
        known = attacks().get(attack)
    except CasemateError:  # a plug-in that cannot be imported says nothing of this assessment
        known = None
    return Description(words.technique(attack)) if known is None else _from_docs(known)


def threat_in_words(id: str) -> tuple[str, str]:
    """Return a threat's title and description; its id and nothing where the catalogue does not hold it."""
    from casemate.threats import catalogue

    try:
        threat = catalogue().threat(id)
    except CasemateError:
        return id, ""
    return threat.title, threat.description


def _from_docs(attack: Attack) -> Description:
    about = _first_paragraph(getattr(sys.modules.get(attack.module), "__doc__", None) or "")
    title, colon, summary = about.partition(": ")
    if not colon or len(title) > LONGEST_TITLE:
        title, summary = words.technique(attack.id), about
    method = _first_paragraph(attack.doc).removeprefix(f"{title}: ")
    return Description(title, words.sentence(summary), words.sentence(method))


def _first_paragraph(doc: str) -> str:
    paragraph = inspect.cleandoc(doc).split("\n\n", 1)[0]
    return " ".join(paragraph.replace("``", "").split())
