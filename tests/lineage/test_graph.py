from dataclasses import replace

import pytest

from casemate.core.errors import UnknownName
from casemate.core.provenance import ColumnEdge
from casemate.lineage.graph import Edge, Graph, Node
from lineage.worlds import CLEAN, RAW, deidentify, opaque, small


def test_runs_become_nodes_and_edges() -> None:
    graph = Graph.of([deidentify()])
    assert [n.name for n in graph.nodes if n.kind == "dataset"] == ["crm.people", "crm.train"]
    assert [n.name for n in graph.nodes if n.kind == "purpose"] == ["train_churn"]
    assert graph.find("crm.people:age").facts == {"role": "quasi-identifier"}
    drop = next(edge for edge in graph.edges if edge.transformation == "drop")
    assert graph.by_id[drop.target].kind == "run"
    assert {edge.actor for edge in graph.edges} == {"ana"}


def test_versions_of_one_name_are_told_apart_and_runs_share_them() -> None:
    other = replace(RAW, digest="ff" * 32)
    graph = Graph.of([deidentify(), opaque(), replace(deidentify(), inputs=(other,))])
    assert sum(n.name == "crm.people" for n in graph.nodes) == 2
    assert sum(n.name == "crm.train" for n in graph.nodes) == 1


def test_an_edge_that_names_no_data_set_is_between_those_that_have_the_columns() -> None:
    run = replace(deidentify(), inputs=(RAW, CLEAN), edges=(ColumnEdge("age", "age", "identity", "w"),))
    assert len([e for e in Graph.of([run]).edges if e.kind == "direct"]) == 2


def test_an_edge_of_a_data_set_that_the_run_never_read_is_no_silent_gap() -> None:
    run = replace(deidentify(), edges=(ColumnEdge("age", "age", "identity", "w", source_dataset="crm.peeple"),))
    with pytest.raises(UnknownName, match=r"Did you mean 'crm.people'"):
        Graph.of([run])


def test_an_edge_or_parent_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownName, match="'b'"):
        Graph((Node("a", "run", "a"),), (Edge("a", "b"),))
    with pytest.raises(UnknownName, match="belongs to"):
        Graph((Node("a", "column", "a", "nowhere"),))


def test_a_node_is_found_by_id_name_or_column() -> None:
    graph = small()
    assert graph.find("model").name == "churn v3"
    assert graph.find("churn v3").id == "model"
    assert graph.find("scores:x").kind == "column"
    with pytest.raises(UnknownName, match="Did you mean 'Retention team'"):
        graph.find("Retention tea")
