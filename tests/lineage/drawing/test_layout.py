import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.lineage.drawing.collapse import collapse
from casemate.lineage.drawing.layers import acyclic, layers
from casemate.lineage.drawing.layout import layout
from casemate.lineage.drawing.ordering import Segment, crossings, ordered
from casemate.lineage.drawing.placing import Pull, isotonic, placed
from casemate.lineage.drawing.scene import scene
from casemate.lineage.graph import Graph
from lineage.worlds import large, small

edges = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40)


@given(edges)
@settings(max_examples=80, deadline=None)
def test_without_circles_every_edge_leads_to_the_right(pairs: list[tuple[int, int]]) -> None:
    forward = acyclic(12, pairs)
    level = layers(12, pairs)
    assert all(level[source] < level[target] for source, target in forward)
    assert {frozenset(pair) for pair in forward} == {frozenset(pair) for pair in pairs if pair[0] != pair[1]}
    ordered_pairs = [(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]]
    assert set(acyclic(12, ordered_pairs)) == set(ordered_pairs)  # nothing is turned that need not be


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(8, 15)), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_crossings_are_counted_and_never_grow(pairs: list[tuple[int, int]]) -> None:
    rows = [list(range(8)), list(range(8, 16))]
    segments = [[Segment(source, 0.5, target, 0.5) for source, target in pairs]]
    by_hand = sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for i, a in enumerate(pairs) for b in pairs[:i])
    assert crossings(rows, segments) == by_hand
    found = ordered(rows, segments)
    assert [sorted(row) for row in found] == rows
    assert crossings(found, segments) <= by_hand


def test_a_tangle_that_can_be_undone_is_undone() -> None:
    rows = [[0, 1, 2, 3], [4, 5, 6, 7]]
    segments = [[Segment(i, 0.5, 7 - i, 0.5) for i in range(4)]]
    assert crossings(rows, segments) == 6
    assert crossings(ordered(rows, segments), segments) == 0


@given(st.lists(st.floats(-100, 100), max_size=20), st.data())
@settings(max_examples=60, deadline=None)
def test_isotonic_is_ascending_and_keeps_the_mean(values: list[float], data: st.DataObject) -> None:
    weights = [data.draw(st.floats(0.1, 10)) for _ in values]
    found = isotonic(values, weights)
    assert found == sorted(found)
    total = sum(v * w for v, w in zip(values, weights, strict=True))
    assert sum(v * w for v, w in zip(found, weights, strict=True)) == pytest.approx(total, abs=1e-6)


def test_boxes_that_are_joined_stand_level() -> None:
    top = placed([[0], [1], [2]], [10, 10, 10], [Pull(0, 1, 0, 1), Pull(1, 2, 0, 1)], 5)
    assert top == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("graph", [small(), large(60), large(400), Graph()], ids=["small", "60", "400", "empty"])
def test_boxes_never_overlap_and_lines_end_at_their_rows(graph: Graph) -> None:
    drawn = scene(graph, collapse(graph))
    found = layout(drawn.boxes, drawn.lines)
    spots = [(x, y, x + found.widths[i], y + drawn.boxes[i].height) for i, (x, y) in enumerate(found.places)]
    for i, (left, top, right, bottom) in enumerate(spots):
        assert 0 <= left < right <= found.width + 1e-6
        assert 0 <= top < bottom <= found.height + 1e-6
        for other in spots[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] + 1e-6 or other[3] <= top + 1e-6
    for i, line in enumerate(drawn.lines):
        assert not found.turned[i]
        x, y = found.ways[i][0]
        assert x == pytest.approx(spots[line.source][2])
        assert y == pytest.approx(spots[line.source][1] + drawn.boxes[line.source].port(line.source_row))
        assert found.ways[i][-1][0] == pytest.approx(spots[line.target][0])


def test_the_layout_is_the_same_every_time() -> None:
    graph = large(200)
    drawn = scene(graph, collapse(graph))
    assert layout(drawn.boxes, drawn.lines) == layout(drawn.boxes, drawn.lines)


def test_opaque_runs_are_one_step_and_not_one_line_for_every_pair() -> None:
    drawn = scene(small(), collapse(small()))
    (step,) = [step for step in drawn.steps if step.kind == "opaque"]
    assert (len(step.sources), len(step.targets), len(step.edges)) == (3, 2, 6)
    assert sum(line.step is step for line in drawn.lines) == 5


def test_every_edge_is_in_a_step() -> None:
    graph = large(300)
    drawn = scene(graph, collapse(graph))
    told = {id(edge) for step in drawn.steps for edge in step.edges}
    assert all(id(edge) in told for edge in graph.edges if edge.kind in ("direct", "indirect", "opaque"))


def test_long_chains_do_not_overflow_the_stack() -> None:
    assert layers(5000, [(i, i + 1) for i in range(4999)])[-1] == 4999
