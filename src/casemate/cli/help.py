"""Help pages: plain columns under short headings, the same on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

INDENT = 2
GUTTER = 2
NAME_WIDTH = 26
PAGE_WIDTH = 100


class PlainColumns:
    """A help formatter for cyclopts: headings, names left, descriptions right, no boxes.

    Args:
        lines: what to say of commands that are not imported yet, by name.
    """

    def __init__(self, lines: Mapping[str, str]) -> None:
        self.lines = lines

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print one group of commands or parameters."""
        from rich.text import Text

        if not panel.entries:
            return
        names = [_names(entry) for entry in panel.entries]
        column = min(max([10, *(len(name) for name in names)]), NAME_WIDTH)
        left = INDENT + column + GUTTER
        console.print(Text(_plain(panel.title), style="bold"))
        for name, entry in zip(names, panel.entries, strict=True):
            line = Text(" " * INDENT).append(name, style="cyan")
            lines = self._description(entry).wrap(console, max(20, min(console.width, PAGE_WIDTH) - left))
            if len(name) <= column and lines:
                line.append(" " * (left - len(line))).append_text(lines.pop(0))
            for printed in (line, *(Text(" " * left).append_text(rest) for rest in lines)):
                printed.rstrip()
                console.print(printed, soft_wrap=True)
        console.print()

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """Print how the command is called."""
        from rich.text import Text

        called = str(usage).strip().removeprefix("Usage: ")
        console.print(Text("Usage: ", style="bold").append(called, style="not bold"), end="\n\n", soft_wrap=True)

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        """Print what the command does."""
        import textwrap

        for paragraph in filter(None, _plain(description).split("\n\n")):
            console.print(textwrap.fill(paragraph, min(console.width, PAGE_WIDTH)), end="\n\n", soft_wrap=True)

    def _description(self, entry: HelpEntry) -> Text:
        from rich.text import Text

        text = Text(_plain(entry.description) or self.lines.get(_names(entry), ""))
        facts = [" | ".join(entry.choices)] if entry.choices else []
        facts += [f"default {entry.default}"] if entry.default not in (None, "False") else []
        facts += ["required"] if entry.required else []
        if facts:
            text.append(f" [{'; '.join(facts)}]", style="dim")
        return text


def _names(entry: HelpEntry) -> str:
    """The names that a user types, and what stands for the value."""
    if entry.positional_label:
        return entry.positional_label
    flags = ", ".join((*entry.positive_shorts, *entry.positive_names, *entry.negative_names))
    return f"{flags} {entry.metavar}" if entry.metavar else flags


def _plain(description: Any) -> str:
    """The words of whatever cyclopts holds a description in."""
    inner = getattr(description, "primary_renderable", description)
    return str(getattr(inner, "plain", inner) or "").strip()
