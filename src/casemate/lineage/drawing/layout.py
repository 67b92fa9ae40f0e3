"""Layout: a place for every box and a way for every line; what does not hang together stands side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from casemate.lineage.drawing.layers import layers
from casemate.lineage.drawing.ordering import Segment, ordered
from casemate.lineage.drawing.placing import Pull, placed
from casemate.lineage.drawing.scene import Box, Line

GAP, LANE, STRAND = 22, 3, 16
NEAREST, FARTHEST = 64, 150
SHELF = 1500
Point = tuple[float, float]
"""Pixels: between boxes, between lines of a bundle and its most, between layers, and the width that parts fill."""


@dataclass(frozen=True)
class Layout:
    """Places, in pixels.

    Args:
        places: the left and top of each box.
        widths: of each box: those of a layer are equal.
        ways: for each line the points that it passes, from left to right; (x0, y, x1) stretches are level.
        turned: for each line whether it runs from right to left, closing a circle.
        width, height: of the whole.
    """

    places: tuple[Point, ...]
    widths: tuple[float, ...]
    ways: tuple[tuple[Point, ...], ...]
    turned: tuple[bool, ...]
    width: float
    height: float


def layout(boxes: Sequence[Box], lines: Sequence[Line]) -> Layout:
    """Return the layout of boxes and lines."""
    parts = [_Part(boxes, lines, members) for members in _parts(len(boxes), lines)]
    places: dict[int, Point] = {}
    widths: dict[int, float] = {}
    ways: dict[int, tuple[Point, ...]] = {}
    turned: dict[int, bool] = {}
    shelf_width = max([SHELF, *(part.width for part in parts)])
    x = y = tall = widest = 0.0
    for part in sorted(parts, key=lambda part: -len(part.members)):
        if x and x + part.width > shelf_width:
            x, y, tall = 0.0, y + tall + 2 * GAP, 0.0
        for box, (left, top) in part.places.items():
            places[box], widths[box] = (x + left, y + top), part.widths[box]
        for line, points in part.ways.items():
            ways[line] = tuple((x + left, y + top) for left, top in points)
            turned[line] = part.turned[line]
        x, tall = x + part.width + 3 * GAP, max(tall, part.height)
        widest = max(widest, x - 3 * GAP)
    n, m = range(len(boxes)), range(len(lines))
    return Layout(
        tuple(places[i] for i in n),
        tuple(widths[i] for i in n),
        tuple(ways[i] for i in m),
        tuple(turned[i] for i in m),
        widest,
        y + tall,
    )


def _parts(n: int, lines: Sequence[Line]) -> list[list[int]]:
    """The boxes that hang together, each set in order."""
    root = list(range(n))

    def find(vertex: int) -> int:
        while root[vertex] != vertex:
            root[vertex] = root[root[vertex]]
            vertex = root[vertex]
        return vertex

    for line in lines:
        root[find(line.target)] = find(line.source)
    found: dict[int, list[int]] = defaultdict(list)
    for vertex in range(n):
        found[find(vertex)].append(vertex)
    return list(found.values())


@dataclass
class _Chain:
    """The lines between two boxes, left box first, and the stand-ins through which they pass the layers between."""

    left: int
    right: int
    lines: list[int] = field(default_factory=list)
    through: list[int] = field(default_factory=list)


class _Part:
    """Boxes that hang together, and their places from (0, 0)."""

    def __init__(self, boxes: Sequence[Box], lines: Sequence[Line], members: list[int]) -> None:
        self.members, self.boxes, self.lines = members, boxes, lines
        self.own = {box: position for position, box in enumerate(members)}
        mine = [i for i, line in enumerate(lines) if line.source in self.own]
        self.level = layers(len(members), [(self.own[lines[i].source], self.own[lines[i].target]) for i in mine])
        self.turned = {i: self._at(lines[i].source) > self._at(lines[i].target) for i in mine}
        self.chains = self._chains(mine)
        rows, segments = self._vertices()
        self.rows = ordered(rows, segments)
        tops = placed(self.rows, self.heights, self._pulls(), GAP)
        self._place(tops)

    def _at(self, box: int) -> int:
        return self.level[self.own[box]]

    def _chains(self, mine: list[int]) -> list[_Chain]:
        found: dict[Point, _Chain] = {}
        for i in mine:
            left, right = self.lines[i].source, self.lines[i].target
            if self.turned[i]:
                left, right = right, left
            found.setdefault((left, right), _Chain(left, right)).lines.append(i)
        for chain in found.values():
            chain.lines.sort(key=lambda i: (self._port(i, right=False), self._port(i, right=True)))
        return list(found.values())

    def _port(self, line: int, *, right: bool) -> float:
        """Where a line meets its left or right box, in pixels below its top."""
        one = self.lines[line]
        source = right == self.turned[line]
        box, row = (one.source, one.source_row) if source else (one.target, one.target_row)
        return self.boxes[box].port(row)

    def _vertices(self) -> tuple[list[list[int]], list[list[Segment]]]:
        """Boxes and stand-ins by layer, and the segments between layers."""
        self.heights = [self.boxes[box].height for box in self.members]
        rows: list[list[int]] = [[] for _ in range(max(self.level) + 1)]
        for vertex, level in enumerate(self.level):
            rows[level].append(vertex)
        counted: list[Counter[tuple[int, float, int, float]]] = [Counter() for _ in rows[1:]]
        for chain in self.chains:
            start, end = self._at(chain.left), self._at(chain.right)
            for level in range(start + 1, end):
                chain.through.append(len(self.heights))
                rows[level].append(len(self.heights))
                self.heights.append(min(LANE * len(chain.lines), STRAND))
            stops = self._stops(chain)
            for i in chain.lines:
                spots = self._spots(i, len(stops))
                for step in range(len(stops) - 1):
                    counted[start + step][stops[step], spots[step], stops[step + 1], spots[step + 1]] += 1
        return rows, [[Segment(*ends, count) for ends, count in between.items()] for between in counted]

    def _stops(self, chain: _Chain) -> list[int]:
        return [self.own[chain.left], *chain.through, self.own[chain.right]]

    def _spots(self, line: int, stops: int) -> list[float]:
        """Where a line meets each of its stops, 0 top to 1 bottom, less than 1 so that stops stay apart."""
        one = self.lines[line]
        left, right = (one.target, one.source) if self.turned[line] else (one.source, one.target)
        ends = (
            self._port(line, right=False) / self.boxes[left].height,
            self._port(line, right=True) / self.boxes[right].height,
        )
        return [min(ends[0], 0.99), *[0.5] * (stops - 2), min(ends[1], 0.99)]

    def _pulls(self) -> list[Pull]:
        counted: Counter[tuple[int, int, float, int]] = Counter()
        for chain in self.chains:
            stops = self._stops(chain)
            middles = [self.heights[vertex] / 2 for vertex in chain.through]
            for i in chain.lines:
                ports = [self._port(i, right=False), *middles, self._port(i, right=True)]
                for step in range(len(stops) - 1):
                    inner = (step > 0) + (step + 1 < len(stops) - 1)  # stand-ins pull harder: long lines stay level
                    counted[stops[step], stops[step + 1], ports[step] - ports[step + 1], (1, 2, 8)[inner]] += 1
        return [Pull(source, target, offset, weight * n) for (source, target, offset, weight), n in counted.items()]

    def _place(self, tops: list[float]) -> None:
        wide = [
            max((self.boxes[self.members[v]].width for v in row if v < len(self.members)), default=0.0)
            for row in self.rows
        ]
        lefts, x = [], 0.0
        for width, room in zip(wide, self._rooms(), strict=True):
            lefts.append(x)
            x += width + room
        self.width = lefts[-1] + wide[-1]
        self.height = max(top + height for top, height in zip(tops, self.heights, strict=True))
        self.places = {box: (lefts[self.level[v]], tops[v]) for v, box in enumerate(self.members)}
        self.widths = {box: wide[self.level[v]] for v, box in enumerate(self.members)}
        self.ways = {}
        for chain in self.chains:
            for position, i in enumerate(chain.lines):
                self.ways[i] = self._way(chain, i, position / max(len(chain.lines) - 1, 1), tops, lefts, wide)

    def _rooms(self) -> list[float]:
        """Space to the right of each layer: the more lines cross it, the more."""
        crossing = [0] * len(self.rows)
        for chain in self.chains:
            for level in range(self._at(chain.left), self._at(chain.right)):
                crossing[level] += len(chain.lines)
        return [min(NEAREST + 1.5 * count, FARTHEST) for count in crossing]

    def _way(
        self, chain: _Chain, line: int, share: float, tops: list[float], lefts: list[float], wide: list[float]
    ) -> tuple[Point, ...]:
        level = self._at(chain.left)
        points = [(lefts[level] + wide[level], tops[self.own[chain.left]] + self._port(line, right=False))]
        for step, vertex in enumerate(chain.through, start=level + 1):
            y = tops[vertex] + share * self.heights[vertex]
            points += [(lefts[step], y), (lefts[step] + wide[step], y)]
        end = self._at(chain.right)
        return (*points, (lefts[end], tops[self.own[chain.right]] + self._port(line, right=True)))
