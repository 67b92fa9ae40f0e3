from itertools import pairwise

import hypothesis.strategies as st
import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from casemate.core.errors import UnknownName
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage import Lineage, Model
from casemate.lineage.batch import Head
from casemate.lineage.web import KINDS, Web
from lineages import DEIDENTIFY, PUBLIC, RAW, run, same, version

COLUMNS = ("a", "b", "c")


@st.composite
def webs(draw: st.DrawFn) -> tuple[Web, nx.DiGraph, list[int]]:
    """A web of data sets with two columns each, models among them, and the graph that it stands for."""
    sets = draw(st.integers(1, 6))
    models = draw(st.integers(0, 2))
    kinds = [len(KINDS)] + [KINDS.index("dataset"), 1, 1] * sets + [KINDS.index("model")] * models
    owners = [0] + [owner for i in range(sets) for owner in (0, 3 * i + 1, 3 * i + 1)] + [0] * models
    nodes = range(1, len(kinds))
    pairs = draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from([0, *nodes])), max_size=20))
    n = len(kinds)
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    web = Web(
        Head(),
        np.array(kinds, np.uint8),
        np.array(owners, np.int64),
        edges[:, 0],
        edges[:, 1],
        np.zeros(len(edges), np.int64),
        np.ones(1, np.int64),
        np.full(1, len(edges), np.int64),
    )
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    for number, owner in enumerate(owners):
        if owner:
            graph.add_edge(("in", owner), number)
            graph.add_edge(number, ("out", owner))
    for i in range(sets):
        graph.add_edge(("in", 3 * i + 1), ("out", 3 * i + 1))
    for source, target in pairs:
        start = ("out", source) if kinds[source] == 0 else source
        end = ("in", target) if kinds[target] == 0 else target
        if target:
            graph.add_edge(start, end)
    return web, graph, list(range(1, n))


def expected(graph: nx.DiGraph, web: Web, node: int) -> set[int]:
    """What a search must reach: numbers; a data set that others enter counts."""
    starts = [node]
    if web.kinds[node] == 0:
        starts = [("in", node), ("out", node), *np.flatnonzero(web.owners == node).tolist()]
    found: set[object] = set(starts)
    for start in starts:
        found |= nx.descendants(graph, start)
    return {one for one in found if isinstance(one, int)} | {
        one[1] for one in found if isinstance(one, tuple) and one[0] == "in"
    }


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(webs())
def test_a_search_reaches_what_networkx_reaches(made: tuple[Web, nx.DiGraph, list[int]]) -> None:
    from casemate.lineage.trace import search

    web, graph, nodes = made
    for node in nodes:
        reach = search(web, [node], "downstream")
        wanted = expected(graph, web, node)
        for kind in ("column", "model"):
            place = KINDS.index(kind)  # type: ignore[arg-type]
            mine = {n for n in wanted if web.kinds[n] == place and n != node}
            assert set(reach.of(kind).tolist()) == mine  # type: ignore[arg-type]
        touched = {int(web.owners[n]) or n for n in wanted if web.kinds[n] in (0, 1)} - {node, int(web.owners[node])}
        assert set(reach.of("dataset").tolist()) == touched


@settings(max_examples=25, deadline=None)
@given(webs())
def test_upstream_is_downstream_turned_round(made: tuple[Web, nx.DiGraph, list[int]]) -> None:
    from casemate.lineage.trace import search

    web, _, nodes = made
    things = [node for node in nodes if web.kinds[node] in (1, 3, 2)]
    for kind in ("column", "model"):
        down = {node: set(search(web, [node], "downstream").of(kind).tolist()) for node in things}  # type: ignore[arg-type]
        for node in things:
            if web.kinds[node] == KINDS.index(kind):  # type: ignore[arg-type]
                up = search(web, [node], "upstream")
                found = {n for k in ("column", "model") for n in up.of(k).tolist()}  # type: ignore[arg-type]
                assert found == {other for other in things if node in down[other] and other != node}


def chained(lineage: Lineage, names: list[str]) -> list[DatasetVersion]:
    versions = [version(name, columns=COLUMNS) for name in names]
    runs: list[Run] = []
    for before, after in pairwise(versions):
        runs.append(run([before], [after], same("a"), ColumnEdge("a", "b", "derive", "x"), same("c")))
    lineage.record_all(runs)
    return versions


def test_a_column_is_followed_from_source_to_consumer_and_back(lineage: Lineage) -> None:
    versions = chained(lineage, ["one", "two", "three"])
    model = lineage.record_model(Model("credit", "m" * 64), versions[-1:], actor="anna", columns={"three": ["b"]})
    deployment = lineage.deploy("prod", model, actor="ops")
    consumer = lineage.consume("shop", deployment, actor="ops")
    (a,) = lineage.find("one:a")
    (c,) = lineage.find("one:c")
    touched = lineage.blast_radius(a.number)
    assert [str(t).partition("@")[0] + ":" + t.name for t in lineage.things(touched.columns, "column")] == [
        "two:a",
        "two:b",
        "three:a",
        "three:b",
    ]
    assert touched.of("model").tolist() == [model]
    assert touched.of("consumer").tolist() == [consumer]
    assert int(touched.distances[consumer]) == 5
    assert lineage.blast_radius(c.number).of("model").tolist() == []
    came = lineage.provenance(consumer)
    assert [thing.name for thing in lineage.things(came.of("dataset"), "dataset")] == ["three", "two", "one"]
    assert [(t.dataset, t.name) for t in lineage.things(came.columns, "column")] == [
        ("three", "b"),
        ("two", "a"),
        ("one", "a"),
    ]
    assert came.of("deployment").tolist() == [deployment]


def test_the_web_is_read_again_when_the_chain_has_grown(lineage: Lineage, address: str) -> None:
    lineage.record(DEIDENTIFY)
    before = lineage.web
    assert lineage.web is before
    with Lineage.open(address) as other:
        other.record(run([PUBLIC], [version("later")]))
    assert lineage.web is not before
    (raw,) = lineage.find("crm.people")
    reached = lineage.things(lineage.blast_radius(raw.number).of("dataset"), "dataset")
    assert [thing.name for thing in reached] == ["crm.public", "later"]


def test_an_empty_lineage_and_a_circle_are_no_trouble(local: Lineage) -> None:
    assert local.web.reach([], "downstream").tolist() == [-1]
    local.record_all([run([RAW], [PUBLIC], same("age")), run([PUBLIC], [RAW], same("age"))])
    (age,) = local.find("crm.people:age")
    assert len(local.blast_radius(age.number).columns) == 1


def test_a_whole_digest_is_a_name_too(local: Lineage) -> None:
    content = "ab" * 32
    local.record(run([], [DatasetVersion("crm.people", content), DatasetVersion("people", content)]))
    model = local.record_model(Model("churn", "cd" * 32), [DatasetVersion("people", content)], actor="anna")
    assert [thing.name for thing in local.find(content)] == ["crm.people", "people"]
    assert [thing.number for thing in local.find("cd" * 32)] == [model]
    with pytest.raises(UnknownName):
        local.find("ef" * 32)


def test_names_say_which_thing_is_meant(local: Lineage) -> None:
    local.record(DEIDENTIFY)
    local.record(run([], [version("crm.people", "second")]))
    model = local.record_model(Model("crm.people", "m" * 64), [PUBLIC], actor="anna")
    local.deploy("s3://bucket:prod", model, actor="ops")
    with pytest.raises(UnknownName, match="several things") as caught:
        local.find("crm.people")
    assert "dataset:crm.people or model:crm.people" in str(caught.value.fix)
    assert [t.digest[:4] for t in local.find("dataset:crm.people")] == ["6372", "7365"]
    assert [t.number for t in local.find("model:crm.people")] == [model]
    assert [t.name for t in local.find("crm.people@7365:age")] == ["age"]
    assert len(local.find("crm.people:age")) == 2
    assert local.find("s3://bucket:prod")[0].kind == "deployment"
    for thing in (*local.find("dataset:crm.people"), *local.find("crm.people:age"), *local.find("crm.public")):
        assert local.find(str(thing)) == [thing]
    for wrong, near in (("crm.publc", "crm.public"), ("crm.people:aeg", "crm.people:age"), ("crm.people@0000", "")):
        with pytest.raises(UnknownName) as caught:
            local.find(wrong)
        assert near in str(caught.value)
