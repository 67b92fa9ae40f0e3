"""The lineage written to files: as a page, or as nodes and edges in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli.screen import err
from casemate.core.errors import CasemateError, did_you_mean

if TYPE_CHECKING:
    from casemate.lineage.graph import Graph

FORMATS = ("html", "json")

Outputs = Annotated[list[str] | None, Parameter(name=["--output", "-o"], metavar="FORMAT=PATH")]
"""What a sub-verb writes besides what it prints."""


def parse(asked: list[str] | None) -> list[tuple[str, Path]]:
    """Return formats and paths.

    Raises:
        CasemateError: not FORMAT=PATH, no such format, or a place that cannot be written to.
    """
    return [_one(word) for word in asked or []]


def write(wanted: list[tuple[str, Path]], graph: Graph, title: str, focus: str | None = None) -> None:
    """Write a graph to every file that is asked for.

    Args:
        wanted: of `parse`.
        graph: to be written.
        title: of the page.
        focus: id of the node that the page is about.
    """
    for format, path in wanted:
        data = _page(graph, title, focus) if format == "html" else _json(graph)
        keep(path, data)


def keep(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all, and say on stderr where it is.

    Raises:
        CasemateError: it cannot be written.
    """
    from casemate.core.files import write_whole

    try:
        write_whole(path, data)
    except OSError as error:
        raise CasemateError(f"{path} cannot be written: {error.strerror}", fix="choose another place") from None
    err().print(f"wrote {path}", soft_wrap=True)


def _page(graph: Graph, title: str, focus: str | None) -> bytes:
    from casemate.lineage.drawing import page

    return page(graph, title=title, focus=focus).encode()


def _json(graph: Graph) -> bytes:
    import msgspec

    told = {"nodes": graph.nodes, "edges": graph.edges}
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def _one(word: str) -> tuple[str, Path]:
    format, equals, path = word.partition("=")
    if not equals or not path or format not in FORMATS:
        raise CasemateError(
            f"{word!r} is not FORMAT=PATH.{did_you_mean(format, FORMATS)}",
            where="--output",
            fix="for example --output html=lineage.html; formats: html, json",
        )
    if Path(path).is_dir() or not Path(path).absolute().parent.is_dir():
        raise CasemateError(
            f"{path} is no place for a file", where="--output", fix="name a file in a folder that exists"
        )
    return format, Path(path)
