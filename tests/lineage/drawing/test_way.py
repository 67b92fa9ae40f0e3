from dataclasses import replace

from casemate.core.provenance import ColumnEdge
from casemate.lineage.drawing.way import way
from casemate.lineage.graph import Graph
from lineage.worlds import CLEAN, RAW, deidentify, opaque, small


def names(graph: Graph, ids: frozenset[str]) -> set[str]:
    return {f"{graph.by_id[n.parent].name}:{n.name}" if n.parent else n.name for n in map(graph.by_id.get, ids) if n}


def of(graph: Graph, name: str) -> tuple[set[str], set[str]]:
    found = way(graph, graph.find(name).id)
    return names(graph, found.up), names(graph, found.down)


def test_a_column_touches_what_owes_it_and_not_its_neighbours() -> None:
    _, down = of(small(), "crm.people:income")
    assert {"crm.train:income", "scores:x", "scores:y", "churn v3", "churn-api", "Retention team"} <= down
    assert not {"crm.train:age", "crm.train:city", "crm.people:age"} & down


def test_a_column_comes_from_what_it_owes() -> None:
    up, _ = of(small(), "crm.train:city")
    assert {"crm.people:city", "crm.people:age"} <= up
    assert not {"crm.people:income", "crm.people:name"} & up


def test_a_dropped_column_touches_its_run_and_nothing_after_it() -> None:
    _, down = of(small(), "crm.people:name")
    assert down == {"crm.people:name", "crm.people", "casemate deidentify", "train_churn"}


def test_a_model_comes_from_every_column_of_what_it_was_trained_on() -> None:
    up, down = of(small(), "churn v3")
    assert {"crm.people:age", "crm.people:city", "crm.people:income", "crm.train:age"} <= up
    assert "crm.people:name" not in up
    assert {"churn-api", "Retention team", "monthly report"} <= down


def test_a_run_that_tells_no_columns_is_followed_as_a_whole() -> None:
    graph = Graph.of([replace(opaque(), edges=())])
    _, down = of(graph, "crm.train:age")
    assert {"scores", "scores:x", "scores:y"} <= down
    up, _ = of(graph, "scores:y")
    assert {"crm.train:age", "crm.train:city"} <= up


def test_an_output_without_edges_is_reached_from_everything_that_was_read() -> None:
    extra = replace(CLEAN, name="extra", digest="99" * 32)
    run = deidentify()
    edges = tuple(replace(edge, target_dataset="crm.train" if edge.target else "") for edge in run.edges)
    graph = Graph.of([replace(run, outputs=(CLEAN, extra), edges=edges)])
    _, down = of(graph, "crm.people:name")
    assert "extra:age" in down
    assert "crm.train:age" not in down


def test_a_data_set_comes_from_what_its_columns_owe() -> None:
    up, _ = of(small(), "scores")
    assert {"crm.train", "crm.people", "crm.people:age"} <= up


def test_circles_end() -> None:
    back = replace(opaque(), inputs=(CLEAN,), outputs=(RAW,), edges=(ColumnEdge("age", "age", "identity", "w"),))
    up, down = of(Graph.of([deidentify(), back]), "crm.people:age")
    assert "crm.train:age" in up & down


def test_a_purpose_comes_from_all_that_was_done_for_it() -> None:
    up, down = of(small(), "train_churn")
    assert {"casemate deidentify", "crm.people", "crm.people:age"} <= up
    assert "scores" not in up
    assert down == {"train_churn"}
