"""Page: the lineage drawing with everything that it stands for in words, as one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from casemate.lineage.drawing.collapse import NOUNS, collapse
from casemate.lineage.drawing.highlight import highlight
from casemate.lineage.drawing.layout import layout
from casemate.lineage.drawing.lettering import printable
from casemate.lineage.drawing.panels import Plenty, panels
from casemate.lineage.drawing.scene import Scene, scene
from casemate.lineage.drawing.svg import drawing
from casemate.lineage.drawing.way import Way, way
from casemate.lineage.graph import Graph

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_BYTES = 1_000_000
RATIONS = (
    Plenty(),
    Plenty(pictures=False, pairs=8),
    Plenty(pictures=False, pairs=4, coarse=True),
    Plenty(pictures=False, pairs=3, coarse=True, most=300),
    Plenty(pictures=False, pairs=2, coarse=True, most=150),
    Plenty(pictures=False, pairs=1, coarse=True, most=60),
)
"""How much is told, the most first; the first that keeps the page under `MAX_BYTES` is taken."""
FITS = 1700
"""Pixels: a wider drawing is shown at its own size, to be scrolled, unless the reader asks for the whole."""
LISTED = 8


def page(graph: Graph, *, title: str, focus: str | None = None) -> str:
    """Return the page.

    Args:
        graph: what is drawn; above 500 nodes it is collapsed, and the page says how.
        title: its heading.
        focus: id or name of a node, or ``dataset:column``, whose way is highlighted.

    Raises:
        UnknownName: nothing is called ``focus``.
    """
    found = way(graph, graph.find(focus).id) if focus is not None else None
    pictures: dict[tuple[int, bool], _Picture] = {}
    text = ""
    for plenty in RATIONS:
        size = plenty.most, plenty.coarse
        if size not in pictures:
            pictures[size] = _picture(graph, title, found, plenty)
        text = _page(graph, title, found, plenty, pictures[size])
        if len(text.encode()) < MAX_BYTES:
            break
    return text


@dataclass(frozen=True)
class _Picture:
    """The drawing, what it is made of, and the order of its boxes from left to right."""

    scene: Scene
    drawn: Markup
    order: list[int]
    fits: bool
    notes: tuple[str, ...]


def _picture(graph: Graph, title: str, found: Way | None, plenty: Plenty) -> _Picture:
    keep = frozenset(id for id in found.all if graph.by_id[id].kind == "column") if found else frozenset()
    collapsed = collapse(graph, plenty.most, keep)
    made = scene(graph, collapsed, coarse=plenty.coarse)
    placed = layout(made.boxes, made.lines)
    drawn = drawing(made, placed, highlight(made, collapsed, found), f"Lineage: {title}")
    order = sorted(range(len(made.boxes)), key=lambda i: placed.places[i])
    return _Picture(made, drawn, order, placed.width <= FITS, collapsed.notes)


def _page(graph: Graph, title: str, found: Way | None, plenty: Plenty, picture: _Picture) -> str:
    things, flows = panels(graph, picture.scene, plenty)
    template = _environment().get_template("lineage.html.j2")
    return template.render(
        title=title,
        tally=_tally(graph),
        opaque=sum(step.kind == "opaque" for step in picture.scene.steps),
        notes=picture.notes,
        whole=plenty == RATIONS[0],
        way=_told(graph, found) if found else None,
        drawing=picture.drawn,
        fits=picture.fits,
        empty=not picture.scene.boxes,
        things=[things[i] for i in picture.order],
        flows=flows,
        style=_asset("lineage.css"),
        script=_asset("lineage.js"),
        script_digest=_digest(),
    )


def _tally(graph: Graph) -> list[tuple[str, str]]:
    counts = Counter(node.kind for node in graph.nodes)
    return [(f"{counts[kind]:,}", NOUNS[kind][counts[kind] != 1]) for kind in NOUNS if counts[kind]]


def _told(graph: Graph, found: Way) -> dict[str, Any]:
    """The way in words: the name of the node, and what lies before and after it, by kind."""
    node = found.node
    own = {node.id, node.parent, *(column.id for column in graph.columns.get(node.id, ()))}
    name = f"{graph.by_id[node.parent].name}:{node.name}" if node.parent else node.name
    return {"name": name, "up": _by_kind(graph, found.up - own), "down": _by_kind(graph, found.down - own)}


def _by_kind(graph: Graph, ids: frozenset[str]) -> list[tuple[str, str]]:
    told = []
    for kind, (one, many) in NOUNS.items():
        some = [node for node in graph.nodes if node.id in ids and node.kind == kind]
        names = list(dict.fromkeys(f"{graph.by_id[n.parent].name}:{n.name}" if n.parent else n.name for n in some))
        if names:
            more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
            told.append((f"{len(names):,} {one if len(names) == 1 else many}", ", ".join(names[:LISTED]) + more))
    return told


@cache
def _asset(name: str) -> Markup:
    """A style sheet or script, which is ours and holds nothing of a lineage."""
    return Markup(resources.files("casemate.lineage").joinpath(f"templates/{name}").read_text("utf-8"))  # noqa: S704


@cache
def _digest() -> str:
    return base64.b64encode(hashlib.sha256(str(_asset("lineage.js")).encode()).digest()).decode()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def shown(value: Any) -> Any:
        """Everything that a template prints comes through here; what is not ours is escaped after it."""
        return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)

    return Environment(
        loader=PackageLoader("casemate.lineage"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
