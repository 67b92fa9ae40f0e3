"""A page of text for the terminal: a title, then headed sections; sections without content leave no trace."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casemate.cli.screen import out

if TYPE_CHECKING:
    from rich.console import Console

INDENT = 2
WIDTH = 100
FOR_PROGRAMMERS = ("Args:", "Returns:", "Raises:", "Attributes:")


@dataclass(frozen=True)
class Section:
    """Lines under a heading; a line that is too long goes on `hang` characters further right."""

    heading: str
    lines: tuple[str, ...]
    hang: int = 0


@dataclass
class Page:
    """What `casemate explain` prints.

    Args:
        title: the first line.
        lead: one sentence under it.
    """

    title: str
    lead: str
    sections: list[Section] = field(default_factory=list)

    def text(self, heading: str, words: str) -> None:
        """Add running text, paragraph by paragraph; what a docstring says to programmers is left out."""
        lines: list[str] = []
        for paragraph in inspect.cleandoc(words).split("\n\n"):
            if not paragraph.startswith(FOR_PROGRAMMERS):
                lines += ["", " ".join(paragraph.replace("``", "").split())]
        self._add(heading, lines[1:], 0)

    def items(self, heading: str, lines: Iterable[str]) -> None:
        """Add lines."""
        self._add(heading, lines, INDENT)

    def facts(self, heading: str, facts: Mapping[str, str]) -> None:
        """Add names and values; a name without a value is left out."""
        known = {name: value for name, value in facts.items() if value}
        widest = max(map(len, known), default=0)
        self._add(heading, [f"{name:<{widest}}  {value}" for name, value in known.items()], widest + 2)

    def show(self) -> None:
        """Print the page to stdout."""
        console = out()
        console.print(self.title, style="bold")
        if self.lead:
            console.print(_wrapped(self.lead, _width(console), 0, 0), soft_wrap=True)
        for section in self.sections:
            console.print(f"\n{section.heading}", style="bold")
            for line in section.lines:
                console.print(_wrapped(line, _width(console), INDENT, section.hang), soft_wrap=True)

    def _add(self, heading: str, lines: Iterable[str], hang: int) -> None:
        section = Section(heading, tuple(lines), hang)
        if any(section.lines):
            self.sections.append(section)


def _width(console: Console) -> int:
    return min(console.width, WIDTH)


def _wrapped(line: str, width: int, indent: int, hang: int) -> str:
    """Indent a line, and break it where it is too long for the page; an address is never broken."""
    start = " " * (indent + len(line) - len(line.lstrip()))
    return textwrap.fill(
        line.strip(),
        width,
        initial_indent=start,
        subsequent_indent=start + " " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
