"""Docstrings, tables and lists as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any


def prose(doc: str) -> str:
    """A docstring as Markdown: its sections become lists."""
    out: list[str] = []
    for line in doc.splitlines():
        heading = re.fullmatch(r"(Args|Raises|Returns|Attributes|Yields):", line)
        entry = re.fullmatch(r"    (\S[^:]*): (.*)", line)
        if heading:
            out += ["", f"**{heading[1].replace('Args', 'Arguments')}**", ""]
        elif entry:
            out.append(f"- `{entry[1]}`: {entry[2]}")
        elif line.startswith("    ") and out:
            out.append("  " + line.strip())
        else:
            out.append(line)
    return escaped(re.sub(r"``([^`]+)``", r"`\1`", "\n".join(out)))


def escaped(text: str) -> str:
    """Text in which a "<" outside of code is no HTML."""
    return re.sub(r"(`[^`]*`)|<", lambda found: found[1] or "&lt;", text)


def module_text(module: Any) -> str:
    """A module's docstring as Markdown."""
    return prose(inspect.getdoc(module) or "")


def first_line(thing: Any) -> str:
    """The first sentence of a docstring, or nothing."""
    if isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    doc = inspect.getdoc(getattr(thing, "fget", None) or getattr(thing, "func", None) or thing)
    if not doc or (
        not callable(thing)
        and not inspect.ismodule(thing)
        and not hasattr(thing, "fget")
        and not hasattr(thing, "func")
    ):
        return ""
    return re.sub(r"``([^`]+)``", r"`\1`", doc.split("\n\n")[0].replace("\n", " "))


def table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += [
        "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows
    ]
    return "\n".join(lines)


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def links(ids: Iterable[str], folder: str) -> str:
    """Links to pages, separated by commas."""
    return ", ".join(f"[{id}]({folder}/{id}.md)" for id in ids)
