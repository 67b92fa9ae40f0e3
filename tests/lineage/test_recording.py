import datetime
from dataclasses import replace

import pytest

from casemate.core.errors import LineageError, UnknownName
from casemate.core.provenance import ColumnEdge, DatasetVersion
from casemate.lineage import Lineage, Model
from casemate.lineage.graph import Edge, Graph
from casemate.lineage.things import Verdict
from casemate.lineage.versions import load
from lineages import DEIDENTIFY, NOW, PUBLIC, RAW, SEEN, run, same, version


def edges(graph: Graph) -> set[tuple[str, str, str]]:
    """The edges between columns by the names of what they join."""

    def name(id: str) -> str:
        node = graph.by_id[id]
        return f"{graph.by_id[node.parent].name}:{node.name}" if node.parent else node.name

    return {(name(e.source), name(e.target), e.transformation) for e in graph.edges if e.transformation}


def one(graph: Graph, transformation: str) -> Edge:
    (found,) = (edge for edge in graph.edges if edge.transformation == transformation)
    return found


def test_a_run_comes_back_as_it_was_recorded(lineage: Lineage) -> None:
    assert lineage.record(DEIDENTIFY) == 1
    graph = lineage.graph()
    assert edges(graph) == {
        ("crm.people:id", "etl", "drop"),
        ("crm.people:age", "crm.public:age", "generalise:mondrian"),
    }
    blurred = one(graph, "generalise:mondrian")
    assert (blurred.before, blurred.after, blurred.masking) == (SEEN, SEEN, True)
    assert (blurred.why, blurred.actor, blurred.policy_digest) == ("k = 5", "anna", "p" * 64)
    ran = graph.find("etl")
    assert ran.facts["k"] == "5"
    assert ran.facts["purpose"] == "train"
    assert graph.find("crm.people.id").facts == {"role": "identifier"}
    flows = {(e.kind, graph.by_id[e.source].name, graph.by_id[e.target].name) for e in graph.edges if not e.why}
    assert flows == {("reads", "crm.people", "etl"), ("writes", "etl", "crm.public"), ("concerns", "etl", "train")}


def test_the_same_version_is_one_node_whoever_mentions_it(lineage: Lineage) -> None:
    lineage.record(DEIDENTIFY)
    lineage.record(DEIDENTIFY)
    lineage.record_all([DEIDENTIFY, run([PUBLIC], [version("crm.report")])])
    names = sorted(node.name for node in lineage.graph().nodes if node.kind == "dataset")
    assert names == ["crm.people", "crm.public", "crm.report"]
    assert lineage.verify().entries == 4


def test_what_is_new_about_a_version_is_added(lineage: Lineage) -> None:
    bare = DatasetVersion(RAW.name, RAW.digest)
    lineage.record(run([bare], [PUBLIC]))
    lineage.record(run([RAW], [PUBLIC]))
    lineage.record(run([replace(RAW, location="/new/place.csv", roles={"age": "quasi-identifier"})], []))
    number = lineage.find("crm.people")[0].number
    with lineage.store.reading() as connection:
        found = load(connection, number)
    assert found == replace(RAW, location="/new/place.csv", roles={"id": "identifier", "age": "quasi-identifier"})


def test_an_edge_without_a_data_set_means_every_one_that_has_the_column(lineage: Lineage) -> None:
    left, right = version("left", columns=("key", "x")), version("right", columns=("key", "y"))
    joined = version("joined", columns=("key", "x", "y"))
    lineage.record(run([left, right], [joined], same("key"), same("x"), same("y", source_dataset="right")))
    assert edges(lineage.graph()) == {
        ("left:key", "joined:key", "identity"),
        ("right:key", "joined:key", "identity"),
        ("left:x", "joined:x", "identity"),
        ("right:y", "joined:y", "identity"),
    }


def test_columns_that_nobody_declared_are_taken_from_the_edges(lineage: Lineage) -> None:
    source, target = version("a", columns=()), version("b", columns=())
    lineage.record(run([source], [target], ColumnEdge("x", "y", "identity", "why not")))
    lineage.record(run([source], [target], ColumnEdge("x", "z", "identity", "why not")))
    assert edges(lineage.graph()) == {("a:x", "b:y", "identity"), ("a:x", "b:z", "identity")}


@pytest.mark.parametrize(
    "run",
    [
        run([RAW], [PUBLIC]),
        run([RAW, version("other")], [PUBLIC], same("age", source_dataset="crm.people")),
        run([RAW], [PUBLIC, version("other")], same("age", target_dataset="crm.public")),
    ],
    ids=["no edges", "an input without", "an output without"],
)
def test_a_data_set_without_edges_leaves_no_silent_gap(lineage: Lineage, run: object) -> None:
    lineage.record(run)  # type: ignore[arg-type]
    source = lineage.find("other" if "other" in str(run) else "crm.people")[0]
    far = lineage.blast_radius(source.number) if "inputs=(DatasetVersion(name='crm.people'" in str(run) else None
    opaque = [edge for edge in lineage.graph().edges if edge.kind == "opaque"]
    assert len(opaque) == 1
    assert "no edges between columns were recorded" in opaque[0].why
    assert far is not None


def test_models_deployments_and_consumers_are_nodes(lineage: Lineage) -> None:
    lineage.record(DEIDENTIFY)
    model = lineage.record_model(Model("credit", "m" * 64, "m.onnx", {"kind": "trees"}), [PUBLIC], actor="anna")
    assert (
        lineage.record_model(Model("credit", "m" * 64), [RAW], actor="anna", columns={"crm.people": ["age"]}) == model
    )
    prod = lineage.deploy("prod", model, actor="ops", location="https://prod")
    lineage.consume("shop", prod, actor="ops", about="the web shop")
    scores = version("scores", columns=("score",))
    lineage.record(run([RAW], [scores], ColumnEdge("id", "score", "key", "joins")), models=[model])
    graph = lineage.graph()
    assert edges(graph) >= {
        ("crm.public:age", "credit", "train"),
        ("crm.people:age", "credit", "train"),
        ("credit", "prod", "deploy"),
        ("prod", "shop", "serve"),
        ("credit", "scores", "predict"),
    }
    assert graph.find("credit").facts == {"version": "m" * 64, "location": "m.onnx", "kind": "trees"}
    kinds = {(e.kind, graph.by_id[e.source].name, graph.by_id[e.target].name) for e in graph.edges}
    assert {("writes", "train", "credit"), ("reads", "credit", "etl"), ("deploys", "credit", "prod")} <= kinds
    reach = lineage.blast_radius(lineage.find("crm.people:age")[0].number)
    for kind, name in (("model", "credit"), ("deployment", "prod"), ("consumer", "shop")):
        assert [thing.name for thing in lineage.things(reach.of(kind), kind)] == [name]  # type: ignore[arg-type]


def test_purposes_key_epochs_and_assessments_are_recorded(lineage: Lineage) -> None:
    lineage.record(DEIDENTIFY)
    assert lineage.purpose("train", actor="anna") == lineage.purpose("train", actor="anna")
    lineage.key_epoch("train", "3", actor="anna", status="rotated")
    number = lineage.find("crm.public")[0].number
    lineage.assess("a" * 64, "credit", "broken", [Verdict("x.linkage", "broken", "1 in 3", (number,))], actor="ci")
    with pytest.raises(UnknownName):
        lineage.assess("a" * 64, "credit", "broken", [Verdict("x.linkage", "broken", "1 in 3", (999,))], actor="ci")
    assert lineage.verify().entries == 5


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (replace(DEIDENTIFY, job=""), "needs its job"),
        (replace(DEIDENTIFY, actor=""), "needs its actor"),
        (replace(DEIDENTIFY, started=datetime.datetime(2026, 1, 1)), "time zone"),
        (run([RAW], [PUBLIC], ColumnEdge("age", "age", "identity", "")), "has no reason"),
        (run([RAW], [PUBLIC], same("agee")), "Did you mean 'age'?"),
        (run([RAW], [PUBLIC], same("age", source_dataset="crm.poeple")), "Did you mean 'crm.people'?"),
        (run([RAW], [PUBLIC], ColumnEdge("age", "size", "identity", "x")), "does not have"),
        (run([DatasetVersion("x", "")], []), "needs a name and a digest"),
        (run([version("x", columns=("a", "a"))], []), "twice"),
        (run([version("x", columns=("a\ud800",))], []), "cannot be written as UTF-8"),
    ],
)
def test_a_run_that_cannot_be_recorded_leaves_nothing(local: Lineage, wrong: object, told: str) -> None:
    with pytest.raises((LineageError, UnknownName)) as caught:
        local.record_all([DEIDENTIFY, wrong])  # type: ignore[list-item]
    assert told in str(caught.value)
    assert local.head.entry == 0
    assert not local.graph().nodes


def test_what_does_not_exist_cannot_be_deployed_or_used(local: Lineage) -> None:
    with pytest.raises(UnknownName, match="no model version with number 7"):
        local.deploy("prod", 7, actor="ops")
    with pytest.raises(UnknownName):
        local.consume("shop", 7, actor="ops")
    with pytest.raises(LineageError):
        local.record_model(Model("credit", ""), [], actor="anna")


def test_times_are_kept_in_utc(local: Lineage) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    local.record(replace(DEIDENTIFY, started=NOW.astimezone(zone)))
    assert local.graph().find("etl").facts["started"] == "2026-11-26T12:00:00.000000+00:00"
