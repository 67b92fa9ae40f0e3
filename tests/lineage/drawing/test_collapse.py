from dataclasses import replace
from itertools import pairwise

import pytest

from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage.drawing.collapse import collapse, drawn_edges
from casemate.lineage.drawing.layers import acyclic
from casemate.lineage.graph import Graph
from lineage.worlds import NOON, deidentify, large, small


def test_a_small_graph_is_drawn_as_it_is() -> None:
    found = collapse(small())
    assert found.nodes == small().nodes
    assert not found.notes


def test_columns_go_first_and_the_focused_way_keeps_its_own() -> None:
    graph = large(900)
    kept = next(node for node in graph.nodes if node.kind == "column")
    found = collapse(graph, keep=frozenset({kept.id}))
    assert [node for node in found.nodes if node.kind == "column"] == [kept]
    assert "columns are drawn as the" in found.notes[0]
    assert len(found) <= 500


def test_versions_and_runs_of_a_job_become_one() -> None:
    def version(name: str, number: int) -> DatasetVersion:
        return DatasetVersion(name, f"{number:064x}", columns=("a",))

    runs = [
        Run(
            "nightly",
            "ci",
            NOON,
            NOON,
            (version("in", i),),
            (version("out", i),),
            (ColumnEdge("a", "a", "identity", "w"),),
        )
        for i in range(300)
    ]
    found = collapse(Graph.of(runs))
    assert sorted(node.name for node in found.nodes) == ["in", "nightly", "out"]
    assert "Versions of a data set" in found.notes[-1]
    assert found.nodes[0].facts["put together"] == "300 runs"


@pytest.mark.parametrize("most", [60, 200, 500])
@pytest.mark.parametrize("names", ["{family}.{noun}_{number}", "n{number}", "x"])
def test_never_more_than_asked_and_nothing_is_lost(most: int, names: str) -> None:
    graph = large(2500, names=names)
    found = collapse(graph, most)
    assert len(found) <= most
    drawn = {node.id for node in found.nodes}
    assert set(found.stands) == set(graph.by_id)
    assert set(found.stands.values()) == drawn
    assert found.notes


def test_what_begins_alike_makes_no_circles() -> None:
    graph = large(2500)
    found = collapse(graph)
    place = {node.id: i for i, node in enumerate(found.nodes)}
    pairs = [(place[a], place[b]) for a, b, _ in drawn_edges(graph, found)]
    assert set(acyclic(len(place), pairs)) == set(pairs)


def test_a_chain_of_thousands_of_jobs_is_drawn_too() -> None:
    chain = [DatasetVersion(f"d{i}", f"{i:064x}") for i in range(1500)]
    runs = [Run(f"j{i}", "ci", NOON, NOON, (a,), (b,)) for i, (a, b) in enumerate(pairwise(chain))]
    assert len(collapse(Graph.of(runs))) <= 500


def test_a_run_that_writes_what_it_read_is_drawn() -> None:
    run = deidentify()
    graph = Graph.of([replace(run, outputs=run.inputs, edges=())])
    assert len(collapse(graph)) == len(graph)
