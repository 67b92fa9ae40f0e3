"""Lineages to draw, to trace and to send: from two data sets to thousands of nodes."""

from __future__ import annotations

import datetime
import random

from casemate.core.provenance import ColumnEdge, DatasetVersion, Run, Summary
from casemate.lineage.graph import Edge, Graph, Node

COLUMNS = ("age", "city", "name", "income", "date", "amount", "region", "score", "hours", "plan", "flag", "channel")
NOON = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC)
BEFORE = Summary(1000, 70, 3, "", "", {"10 to 19": 0.1, "20 to 29": 0.9})
AFTER = Summary(990, 2, 0, "", "", {"17-24": 0.25, "25-29": 0.75})
RAW = DatasetVersion(
    "crm.people",
    "a1" * 32,
    "data/people.csv",
    1000,
    ("name", "age", "city", "income"),
    {"name": "identifier", "age": "quasi-identifier", "income": "target"},
)
CLEAN = DatasetVersion("crm.train", "b2" * 32, "out/train.parquet", 990, ("age", "city", "income"))


def deidentify() -> Run:
    """A run with every kind of edge: direct, masking, indirect, and a drop."""
    return Run(
        "casemate deidentify",
        "ana",
        NOON,
        NOON + datetime.timedelta(seconds=9),
        (RAW,),
        (CLEAN,),
        (
            ColumnEdge("name", "", "drop", "nobody needs it", masking=True),
            ColumnEdge("age", "age", "generalise:mondrian", "k=5", masking=True, before=BEFORE, after=AFTER),
            ColumnEdge("city", "city", "identity", "needed"),
            ColumnEdge("age", "city", "group-by", "rows were grouped", "indirect"),
            ColumnEdge("income", "income", "identity", "the target"),
        ),
        "train_churn",
        "cc" * 32,
        "2026Q3",
        facts={"k": "5"},
    )


def opaque() -> Run:
    """A run that nobody looked into: four columns into two."""
    out = DatasetVersion("scores", "d4" * 32, columns=("x", "y"))
    edges = [
        ColumnEdge(s, t, "python function", "scored", "opaque") for s in ("age", "city", "income") for t in out.columns
    ]
    return Run("score", "ben", NOON, NOON, (CLEAN,), (out,), tuple(edges))


def small() -> Graph:
    """From people to two consumers, over a model and a deployment."""
    graph = Graph.of([deidentify(), opaque()])
    source = next(node.id for node in graph.nodes if node.name == "crm.train")
    told = {"actor": "ana", "at": NOON.isoformat(), "why": "retention"}
    nodes = (
        Node("train", "run", "train churn", facts={"status": "complete"}),
        Node("model", "model", "churn v3"),
        Node("api", "deployment", "churn-api"),
        Node("team", "consumer", "Retention team"),
        Node("report", "consumer", "monthly report"),
    )
    edges = (
        Edge(source, "train", "reads", **told),
        Edge("train", "model", "writes", **told),
        Edge("model", "api", "deploys", **told),
        Edge("api", "team", "serves", **told),
        Edge("api", "report", "serves", **told),
    )
    return Graph((*graph.nodes, *nodes), (*graph.edges, *edges))


def large(nodes: int, seed: int = 0, names: str = "{family}.{noun}_{number}") -> Graph:
    """About so many nodes: data sets of several columns, over layers of runs."""
    rng = random.Random(seed)
    layer = [_dataset(rng, number, names) for number in range(max(3, nodes // 60))]
    runs: list[Run] = []
    count = sum(1 + len(version.columns) for version in layer)
    number = len(layer)
    while count < nodes:
        present = []
        for _ in range(max(2, nodes // 80)):
            inputs = rng.sample(layer, min(len(layer), rng.choice([1, 1, 2])))
            output = _dataset(rng, number, names)
            number += 1
            edges = [_edge(rng, column, rng.choice(inputs), output) for column in output.columns]
            runs.append(Run(f"job {number % 7}", "ci", NOON, NOON, tuple(inputs), (output,), tuple(edges)))
            present.append(output)
            count += 2 + len(output.columns)
        layer = present
    return Graph.of(runs)


def _dataset(rng: random.Random, number: int, names: str) -> DatasetVersion:
    columns = rng.sample(
        ["age", "city", "name", "income", "date", "amount", "region", "score", "hours", "plan", "flag", "channel"], 6
    )
    family, noun = rng.choice(["crm", "web", "lab"]), rng.choice(["people", "visits", "orders"])
    name = names.format(family=family, noun=noun, number=number)
    return DatasetVersion(name, f"{number:064x}", rows=number, columns=tuple(columns))


def _edge(rng: random.Random, column: str, source: DatasetVersion, target: DatasetVersion) -> ColumnEdge:
    kind = rng.choice(["identity", "identity", "generalise:mondrian", "aggregate:mean"])
    return ColumnEdge(rng.choice(source.columns), column, kind, "k=5", "direct", False, source.name, target.name)
