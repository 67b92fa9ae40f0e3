"""Layers: how far to the right each box stands, so that data flows from left to right."""

from __future__ import annotations

from collections.abc import Sequence

Pair = tuple[int, int]


def layers(n: int, edges: Sequence[Pair]) -> list[int]:
    """Return the layer of each of n vertices, 0 leftmost: every edge leads to the right, but those that close a circle.

    Longest paths from the sources, then every vertex with more edges out than in goes as far right as it can, so that
    what is read late stands near where it is read.

    Source: Sugiyama, Tagawa & Toda, IEEE Transactions on Systems, Man and Cybernetics 11(2), 1981.
    """
    forward = acyclic(n, edges)
    after: list[list[int]] = [[] for _ in range(n)]
    before: list[list[int]] = [[] for _ in range(n)]
    for source, target in forward:
        after[source].append(target)
        before[target].append(source)
    order = _topological(n, before, after)
    level = [0] * n
    for vertex in order:
        level[vertex] = max((level[source] + 1 for source in before[vertex]), default=0)
    for vertex in reversed(order):
        if after[vertex] and len(after[vertex]) >= len(before[vertex]):
            level[vertex] = max(level[vertex], min(level[target] for target in after[vertex]) - 1)
    return level


def acyclic(n: int, edges: Sequence[Pair]) -> list[Pair]:
    """Return the edges, those that close a circle turned round, loops and doubles left out."""
    after: list[list[int]] = [[] for _ in range(n)]
    entered = [0] * n
    for source, target in dict.fromkeys(edges):
        if source != target:
            after[source].append(target)
            entered[target] += 1
    state = [0] * n  # 0 new, 1 on the present path, 2 done
    found: dict[Pair, None] = {}
    for start in sorted(range(n), key=lambda vertex: (entered[vertex] > 0, vertex)):
        if state[start]:
            continue
        state[start] = 1
        path = [(start, iter(after[start]))]
        while path:
            vertex, rest = path[-1]
            for target in rest:
                found[(target, vertex) if state[target] == 1 else (vertex, target)] = None
                if state[target] == 0:
                    state[target] = 1
                    path.append((target, iter(after[target])))
                    break
            else:
                state[vertex] = 2
                path.pop()
    return list(found)


def _topological(n: int, before: list[list[int]], after: list[list[int]]) -> list[int]:
    missing = [len(some) for some in before]
    order = [vertex for vertex in range(n) if not missing[vertex]]
    for vertex in order:  # grows while it is read
        for target in after[vertex]:
            missing[target] -= 1
            if not missing[target]:
                order.append(target)
    return order
