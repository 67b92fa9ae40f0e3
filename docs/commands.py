"""The page of the commands: every verb with its arguments, from the docstrings that --help shows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from cyclopts import App
from marks import escaped, prose, table

from casemate.cli.app import NESTED, VERBS, app
from casemate.cli.encrypt import NESTED as ENCRYPT_NESTED
from casemate.cli.encrypt import VERBS as ENCRYPT
from casemate.cli.encrypt.aggregate import VERBS as AGGREGATE
from casemate.cli.lineage import VERBS as LINEAGE

Groups = dict[str, dict[str, str]]

BELOW: dict[str, Groups] = {"encrypt": ENCRYPT, "lineage": LINEAGE, "encrypt aggregate": AGGREGATE}
"""The verbs below a verb."""

INHERITED = ("--no-", "--empty-")
"""How options begin that nobody types."""


def commands_page() -> str:
    """Every verb, in the groups of the help."""
    assert {*NESTED, *(f"encrypt {verb}" for verb in ENCRYPT_NESTED)} == set(BELOW)
    parts = [
        "# The commands",
        (
            "What `casemate --help` and `casemate VERB --help` say. Every command takes `--debug`, which shows the "
            "traceback of an error. Exit codes: 0 held or done, 1 broken, 2 usage error or could not run, 3 "
            "inconclusive or nothing assessed."
        ),
    ]
    for title, verbs in VERBS.items():
        parts.append(f"## {title}")
        for verb in verbs:
            parts += _told(verb, app[verb], 3)
    return "\n\n".join(parts)


def _told(words: str, verb: App, level: int) -> Iterator[str]:
    """A verb, and those below it."""
    function = verb.default_command
    yield f"{'#' * level} casemate {words}"
    yield prose(re.split(r"\n\n?Args:", inspect.getdoc(function) or "")[0])
    rows = list(_rows(verb, function))
    if rows:
        yield table(("Argument", "Default", "What it does"), rows)
    for verbs in BELOW.get(words, {}).values():
        for name in verbs:
            yield from _told(f"{words} {name}", verb[name], level + 1)


def _rows(verb: App, function: Any) -> Iterator[tuple[str, str, str]]:
    texts = _texts(inspect.getdoc(function) or "")
    for argument in verb.assemble_argument_collection():
        if argument.field_info.name not in texts or argument.parameter.show is False:
            continue
        names = [name for name in argument.names if not name.startswith(INHERITED)]
        shown = "required" if argument.required else _shown(argument.field_info.default)
        yield (
            ", ".join(f"`{name}`" for name in names),
            f"`{shown}`" if shown else "",
            escaped(texts[argument.field_info.name]),
        )


def _shown(default: Any) -> str:
    """A default that is worth showing."""
    hidden = default is None or default is False or default in ("", inspect.Parameter.empty)
    return "" if hidden else str(default)


def _texts(doc: str) -> dict[str, str]:
    """What a docstring says of each argument."""
    _, _, told = doc.partition("Args:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", told, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text) for name, text in entries}
