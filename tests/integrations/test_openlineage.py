from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import (
    DataMissing,
    EndpointDown,
    EndpointNonsense,
    EndpointRateLimited,
    EndpointSlow,
    LineageError,
)
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.integrations import openlineage_events as limits
from casemate.integrations.openlineage import File, Http, bring_in, check, emit, events, ingest, read
from casemate.lineage import Lineage, Model
from casemate.lineage.graph import Graph
from casemate.lineage.view import view
from casemate.lineage.web import Web
from lineage.worlds import CLEAN, NOON, RAW, deidentify, large, opaque

RUNS = [deidentify(), opaque()]
Shape = tuple[list[Any], list[Any]]


def shape(graph: Graph) -> Shape:
    """A graph without its ids."""

    def name(id: str) -> tuple[str, ...]:
        node = graph.by_id[id]
        return node.kind, node.name, *(name(node.parent) if node.parent else ()), node.facts.get("version", "")

    nodes = sorted((name(node.id), sorted(node.facts.items())) for node in graph.nodes)
    told = sorted(
        (
            *(name(edge.source), name(edge.target), edge.kind, edge.transformation, edge.why, edge.actor),
            *(edge.policy_digest, edge.masking, repr(edge.before), repr(edge.after), edge.run and name(edge.run)),
        )
        for edge in graph.edges
    )
    return nodes, told


def graph_of(lineage: Lineage) -> Graph:
    return view(lineage.store, Web.read(lineage.store))


# Out


def test_the_official_client_takes_every_event() -> None:
    assert check(events(RUNS)) == 2
    assert (
        check(events([replace(deidentify(), status=status) for status in ("complete", "failed", "quarantined")])) == 3
    )  # type: ignore[arg-type]
    assert check(events(large(200))) > 5


def test_the_check_refuses_what_the_client_refuses() -> None:
    for spoil in (
        lambda e: e.update(eventTime="yesterday"),
        lambda e: e.update(eventType="DONE"),
        lambda e: e["run"].update(runId="no uuid"),
        lambda e: e["outputs"][0]["facets"]["version"].pop("datasetVersion"),
        lambda e: e["outputs"][0]["facets"]["version"].update(datasetVersoin="1"),
        lambda e: e["outputs"][0]["facets"]["schema"].update(
            _schemaURL="https://openlineage.io/spec/facets/9-0-0/X.json"
        ),
        lambda e: e["outputs"][0]["facets"].update(invented={"_producer": "urn:x", "_schemaURL": "urn:x"}),
    ):
        (event,) = json.loads(json.dumps(events([deidentify()])))
        spoil(event)
        with pytest.raises(LineageError, match="client"):
            check([event])


def test_columns_masking_and_reasons_are_told_in_the_words_of_the_standard() -> None:
    (event,) = events([deidentify()])
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    (age,) = fields["age"]["inputFields"]
    assert (age["namespace"], age["name"], age["field"]) == ("casemate", "crm.people", "age")
    (done,) = age["transformations"]
    assert done == {
        "type": "DIRECT",
        "subtype": "TRANSFORMATION",
        "description": "generalise:mondrian. k=5",
        "masking": True,
    }
    city = {one["field"]: one["transformations"][0] for one in fields["city"]["inputFields"]}
    assert (city["city"]["type"], city["city"]["subtype"], city["city"]["masking"]) == ("DIRECT", "IDENTITY", False)
    assert (city["age"]["type"], city["age"]["subtype"]) == ("INDIRECT", "GROUP_BY")
    assert event["eventType"] == "COMPLETE"
    assert event["inputs"][0]["facets"]["version"]["datasetVersion"] == RAW.digest
    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == CLEAN.rows
    assert event["job"]["facets"]["ownership"]["owners"] == [{"name": "ana", "type": "ACTOR"}]


def test_opaque_edges_say_so() -> None:
    (event,) = events([opaque()])
    (owed, *_) = event["outputs"][0]["facets"]["columnLineage"]["fields"]["x"]["inputFields"]
    assert owed["transformations"][0]["description"].startswith("opaque, nobody knows")


def test_every_facet_names_its_producer_and_schema() -> None:
    def facets(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("facets", "inputFacets", "outputFacets"):
                    yield from inner.values()
                yield from facets(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from facets(inner)

    found = list(facets(events(RUNS)))
    assert len(found) > 15
    facet = {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": {"format": "uri"}, "_schemaURL": {"format": "uri"}},
    }
    for one in found:
        jsonschema.validate(one, facet, format_checker=jsonschema.FormatChecker())
        assert one["_schemaURL"].startswith(("https://openlineage.io/spec/facets/", "urn:casemate:openlineage:"))


def test_a_run_has_the_same_id_every_time() -> None:
    ids = [event["run"]["runId"] for event in (*events(RUNS), *events(RUNS))]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]


# Round trip


def test_runs_come_back_as_they_went() -> None:
    assert ingest(events(RUNS)) == RUNS
    lines = [json.dumps(event) for event in events(RUNS)]
    assert ingest([*lines, "", "  \n"]) == RUNS


names = st.text(min_size=1, max_size=8)


@given(
    st.lists(
        st.tuples(names, names, names, st.sampled_from(["direct", "indirect", "opaque"]), st.booleans()), max_size=6
    ),
    st.dictionaries(names, names, max_size=3),
    names,
)
@settings(max_examples=40, deadline=None)
def test_any_run_comes_back_as_it_went(edges: list[Any], facts: dict[str, str], name: str) -> None:
    columns = tuple(dict.fromkeys(edge[0] for edge in edges))
    version, out = DatasetVersion(name, "a1", "here", 3, columns), DatasetVersion(name + "'", "b2")
    told = tuple(ColumnEdge(s, t, w, "why", kind, masks, name, name + "'") for s, t, w, kind, masks in edges)
    run = Run(name, name, NOON, NOON, (version,), (out,), told, facts=facts)
    assert ingest(events([run])) == [run]


def test_a_lineage_that_goes_out_and_into_an_empty_store_is_the_same(tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "a.db") as one, Lineage.open(tmp_path / "b.db") as other:
        one.record_all(RUNS)
        model = one.record_model(
            Model("forest", "ee" * 32, "m.skops", {"seed": "1"}), [CLEAN], actor="ana", columns={"crm.train": ["age"]}
        )
        api = one.deploy("api", model, actor="ana", location="http://inside", why="it answers")
        one.consume("team", api, actor="ben", about="retention")
        one.consume("report", model, actor="ben")
        one.record(replace(opaque(), job="predict", edges=()), models=[model])
        sent = events(graph_of(one))
        assert check(sent) == len(sent) == 7
        brought = bring_in(other, (json.dumps(event) for event in sent))
        assert (brought.runs, brought.models, brought.deployments, brought.consumers) == (4, 1, 1, 2)
        assert shape(graph_of(other)) == shape(graph_of(one))
        assert other.verify().entries >= 7


def test_a_large_lineage_is_the_same_too(tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "a.db") as one, Lineage.open(tmp_path / "b.db") as other:
        one.record_all(ingest(events(large(300))))
        bring_in(other, events(graph_of(one)))
        assert shape(graph_of(other)) == shape(graph_of(one))


# In, from others

SPARK = {
    "eventType": "COMPLETE",
    "eventTime": "2026-05-01T10:00:05.123Z",
    "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.30.0/integration/spark",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {
        "runId": "01890f5e-0000-7000-8000-000000000001",
        "facets": {
            "spark_properties": {"_producer": "x", "_schemaURL": "y", "properties": {"spark.master": "local[*]"}},
            "processing_engine": {"_producer": "x", "_schemaURL": "y", "version": "3.5", "name": "spark"},
        },
    },
    "job": {"namespace": "prod", "name": "etl.execute_insert", "facets": {}},
    "inputs": [
        {
            "namespace": "postgres://db:5432",
            "name": "crm.public.people",
            "facets": {"schema": {"_producer": "x", "_schemaURL": "y", "fields": [{"name": "name"}, {"name": "age"}]}},
            "inputFacets": {},
        }
    ],
    "outputs": [
        {
            "namespace": "s3://lake",
            "name": "/clean/people",
            "facets": {
                "schema": {"fields": [{"name": "hash", "type": "string"}, {"name": "band", "type": "int"}]},
                "version": {"datasetVersion": "17"},
                "columnLineage": {
                    "fields": {
                        "hash": {
                            "inputFields": [
                                {
                                    "namespace": "postgres://db:5432",
                                    "name": "crm.public.people",
                                    "field": "name",
                                    "transformations": [
                                        {
                                            "type": "DIRECT",
                                            "subtype": "TRANSFORMATION",
                                            "description": "sha2(name)",
                                            "masking": True,
                                        }
                                    ],
                                }
                            ]
                        },
                        "band": {
                            "inputFields": [
                                {"namespace": "postgres://db:5432", "name": "crm.public.people", "field": "age"}
                            ],
                            "transformationDescription": "bucketed",
                            "transformationType": "MASKED",
                        },
                    },
                    "dataset": [
                        {
                            "namespace": "postgres://db:5432",
                            "name": "crm.public.people",
                            "field": "age",
                            "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}],
                        }
                    ],
                },
            },
            "outputFacets": {"outputStatistics": {"rowCount": 90, "size": 1000}},
        }
    ],
}

DBT = [
    {
        "eventType": "START",
        "eventTime": "2026-05-02T10:00:00+00:00",
        "producer": "dbt-ol",
        "run": {"runId": "dbt-1"},
        "job": {
            "namespace": "dbt",
            "name": "model.shop.orders",
            "facets": {"ownership": {"owners": [{"name": "data"}]}},
        },
        "inputs": [{"namespace": "s3://lake", "name": "/clean/people"}],
        "outputs": [],
    },
    {
        "eventType": "COMPLETE",
        "eventTime": "2026-05-02T10:01:00+00:00",
        "producer": "dbt-ol",
        "run": {"runId": "dbt-1"},
        "job": {"namespace": "dbt", "name": "model.shop.orders"},
        "inputs": [],
        "outputs": [
            {
                "namespace": "duckdb",
                "name": "shop.orders",
                "facets": {"schema": {"fields": [{"name": "n"}]}},
            }
        ],
    },
]

AIRFLOW = [
    {
        "eventType": kind,
        "eventTime": time,
        "producer": "airflow",
        "run": {
            "runId": "air-1",
            "facets": {"parent": {"job": {"namespace": "a", "name": "dag"}, "run": {"runId": "p"}}},
        },
        "job": {"namespace": "airflow", "name": "dag.task", "facets": None},
    }
    for kind, time in (("START", "2026-05-03T00:00:00"), ("FAIL", "2026-05-03T00:00:09"))
]


def test_spark_events_are_understood() -> None:
    (run,) = ingest([SPARK])
    assert run.job == "prod/etl.execute_insert"
    assert [v.name for v in run.inputs] == ["postgres://db:5432/crm.public.people"]
    (out,) = run.outputs
    assert (out.name, out.rows, out.columns) == ("s3://lake/clean/people", 90, ("hash", "band"))
    told = {(e.source, e.target, e.kind): e for e in run.edges}
    assert told["name", "hash", "direct"].masking
    assert told["name", "hash", "direct"].why == "sha2(name)"
    assert told["age", "band", "direct"].masking
    assert told["age", "band", "direct"].transformation == "masked"
    assert told["age", "hash", "indirect"].transformation == "filter"
    assert all(edge.why for edge in run.edges)


def test_events_of_a_run_are_put_together_and_versions_are_carried_on() -> None:
    spark, dbt = ingest([SPARK, *DBT])
    assert dbt.actor == "data"
    assert (dbt.status, (dbt.finished - dbt.started).total_seconds()) == ("complete", 60)
    assert dbt.inputs[0].digest == spark.outputs[0].digest
    assert [v.name for v in dbt.outputs] == ["duckdb/shop.orders"]


def test_a_failed_and_an_unfinished_run_are_no_complete_ones() -> None:
    (failed,) = ingest(AIRFLOW)
    assert failed.status == "failed"
    assert failed.started.tzinfo is not None
    (open_run,) = ingest(AIRFLOW[:1])
    assert open_run.status == "failed"
    assert open_run.facts["state"] == "never reported as finished"


def test_events_of_others_can_be_recorded_and_drawn(tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "l.db") as lineage:
        assert bring_in(lineage, [SPARK, *DBT, *AIRFLOW]).runs == 3
        graph = graph_of(lineage)
        assert graph.find("s3://lake/clean/people:hash").kind == "column"
        assert any(edge.kind == "opaque" for edge in graph.edges)  # dbt told no columns


# Twice


def test_events_that_were_taken_in_before_are_known(tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "l.db") as lineage:
        assert bring_in(lineage, [SPARK, *DBT, *AIRFLOW]).known == 0
        before = lineage.head
        again = bring_in(lineage, [*AIRFLOW, json.dumps(SPARK, indent=2, sort_keys=True), *DBT, *DBT])
        assert (again.runs, again.known) == (0, 3)
        assert lineage.head == before


def test_a_run_of_which_more_is_told_is_told_anew(tmp_path: Path) -> None:
    more = json.loads(json.dumps(SPARK))
    del more["outputs"][0]["facets"]["columnLineage"]["fields"]["band"]
    with Lineage.open(tmp_path / "l.db") as lineage:
        bring_in(lineage, [more, *AIRFLOW[:1]])
        found = bring_in(lineage, [SPARK, *AIRFLOW])
        assert (found.runs, found.known) == (2, 0)
        assert any(
            edge.target == lineage.graph().find("s3://lake/clean/people:band").id for edge in lineage.graph().edges
        )


def test_a_model_that_others_made_is_known_too(tmp_path: Path) -> None:
    made = json.loads(json.dumps(SPARK))
    made["outputs"][0]["facets"]["datasetType"] = {"datasetType": "MODEL"}
    with Lineage.open(tmp_path / "l.db") as lineage:
        assert (bring_in(lineage, [made]).models, bring_in(lineage, [made]).models) == (1, 0)
        assert lineage.verify().entries == 1


def test_what_was_sent_is_known_where_it_came_from_and_where_it_went(tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "a.db") as one, Lineage.open(tmp_path / "b.db") as other:
        one.record_all(RUNS)
        model = one.record_model(Model("forest", "ee" * 32), [CLEAN], actor="ana", columns={"crm.train": ["age"]})
        api = one.deploy("api", model, actor="ana", location="http://inside")
        one.consume("team", api, actor="ben", about="retention")
        one.record(replace(opaque(), job="predict", edges=()), models=[model])
        bring_in(one, [SPARK])
        sent = events(graph_of(one))
        for store in (one, other):
            bring_in(store, sent)
            before = store.head
            assert bring_in(store, sent).known == len(sent) == 7
            assert store.head == before
        assert bring_in(other, [SPARK]).known == 1
        assert bring_in(one, events(graph_of(other))).known == len(sent)
        assert shape(graph_of(other)) == shape(graph_of(one))


def test_what_is_new_hangs_on_what_is_known(tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "a.db") as one, Lineage.open(tmp_path / "b.db") as other:
        one.record(deidentify())
        model = one.record_model(Model("forest", "ee" * 32), [CLEAN], actor="ana")
        api = one.deploy("api", model, actor="ana")
        bring_in(other, events(graph_of(one)))
        one.consume("team", api, actor="ben")
        one.consume("report", model, actor="ben")
        found = bring_in(other, events(graph_of(one)))
        assert (found.runs, found.models, found.deployments, found.consumers, found.known) == (0, 0, 0, 2, 3)
        assert shape(graph_of(other)) == shape(graph_of(one))


def test_job_events_count_and_events_of_a_data_set_alone_do_not() -> None:
    job = {"eventTime": "2026-01-01T00:00:00Z", "producer": "p", "job": {"namespace": "n", "name": "j"}, "inputs": []}
    dataset = {"eventTime": "2026-01-01T00:00:00Z", "producer": "p", "dataset": {"namespace": "n", "name": "d"}}
    assert [run.job for run in ingest([job, dataset])] == ["n/j"]


def test_a_deleted_facet_is_none() -> None:
    event = json.loads(json.dumps(SPARK))
    event["outputs"][0]["facets"]["columnLineage"] = {"_deleted": True}
    assert ingest([event])[0].edges == ()


# Bad input


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[1]", "no OpenLineage"),
        (b"[" * 100_000, "no JSON|nested"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "x": ' + b"[" * 60 + b"]" * 60 + b"}", "nested too deeply"),
        (b'{"producer": "x"}', "eventTime"),
        (b'{"eventTime": "soon", "job": {"namespace": "n", "name": "j"}}', "is no time"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "job": {"namespace": "n", "name": ""}}', "0 letters"),
        (b'{"eventTime": "2026-01-01T00:00:00Z", "job": {"namespace": "n", "name": 3}}', r"\$\.job\.name"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(line: bytes, said: str) -> None:
    good = json.dumps(SPARK).encode()
    with pytest.raises(LineageError, match=said) as raised:
        ingest([good, b"", line], "events.jsonl")
    assert raised.value.where is not None
    assert raised.value.where.startswith("events.jsonl, line 3")


def test_a_facet_that_is_wrong_is_named() -> None:
    event = json.loads(json.dumps(SPARK))
    event["outputs"][0]["facets"]["columnLineage"]["fields"]["hash"] = {"inputFields": "all"}
    with pytest.raises(LineageError, match=r"fields\[...\]\.inputFields") as raised:
        ingest([event])
    assert "facet columnLineage" in str(raised.value.where)


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_EDGES", 2)
    with pytest.raises(LineageError, match="too many column edges"):
        ingest([SPARK])
    monkeypatch.setattr(limits, "MOST_EVENTS", 1)
    with pytest.raises(LineageError, match="too many events"):
        ingest(AIRFLOW)
    monkeypatch.setattr(limits, "LONGEST_LINE", 100)
    with pytest.raises(LineageError, match="more than 100 bytes"):
        ingest([SPARK])


def test_nothing_is_recorded_where_one_event_is_wrong(tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "l.db") as lineage:
        with pytest.raises(LineageError):
            bring_in(lineage, [SPARK, {"eventTime": "x", "job": {"namespace": "n", "name": "j"}}])
        assert lineage.verify().entries == 0


def test_a_consumer_of_nothing_is_refused(tmp_path: Path) -> None:
    sent = events(RUNS)
    link = {"_producer": "urn:x", "_schemaURL": "urn:x", "kind": "consumer", "of": "deployment api", "actor": "ana"}
    job = {"namespace": "casemate", "name": "team", "facets": {"casemate_link": link}}
    event = {"eventTime": NOON.isoformat(), "producer": "urn:x", "job": job, "inputs": [], "outputs": []}
    with Lineage.open(tmp_path / "l.db") as lineage, pytest.raises(LineageError, match="'team' uses something"):
        bring_in(lineage, [*sent, event])
    link["kind"] = "thief"
    with pytest.raises(LineageError, match="thief"):
        ingest([event])


# Files and servers


def test_a_file_of_events_is_written_whole_and_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert emit(events(RUNS), File(path)) == 2
    assert len(path.read_text().splitlines()) == 2
    assert ingest(read(path), str(path)) == RUNS
    path.write_text(" \n" + json.dumps(events(RUNS)))
    assert ingest(read(path)) == RUNS
    with pytest.raises(DataMissing):
        list(read(tmp_path / "none"))
    with pytest.raises(OSError, match="No such file"):
        emit(events(RUNS), File(tmp_path / "no" / "events.jsonl"))


class Server(ThreadingHTTPServer):
    """Takes events, and answers as it is told."""

    answers: list[int]
    taken: list[tuple[str, dict[str, str], Any]]
    delay: threading.Event


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.answers.pop(0) if self.server.answers else 201
        if status == 0:
            self.server.delay.wait(5)
            return
        self.server.taken.append((self.path, dict(self.headers), json.loads(body)))
        self.send_response(status)
        self.send_header("location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(b"said\n the server")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answer) as found:
        found.answers, found.taken, found.delay = [], [], threading.Event()
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.delay.set()
        found.shutdown()
        thread.join()


def address(server: Server, path: str = "") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def test_events_are_posted_one_after_the_other(server: Server) -> None:
    assert emit(events(RUNS), Http(address(server), key="secret")) == 2
    assert [path for path, _, _ in server.taken] == ["/api/v1/lineage"] * 2
    assert ingest(body for _, _, body in server.taken) == RUNS
    headers = {name.lower(): value for name, value in server.taken[0][1].items()}
    assert (headers["authorization"], headers["content-type"]) == ("Bearer secret", "application/json")
    emit(events(RUNS[:1]), Http(address(server, "/elsewhere")))
    assert server.taken[-1][0] == "/elsewhere"


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.answers = [503, 429]
    assert emit(events(RUNS[:1]), Http(address(server), pause=0.001)) == 1
    assert len(server.taken) == 3
    server.answers = [503] * 9
    with pytest.raises(EndpointRateLimited, match="503"):
        emit(events(RUNS[:1]), Http(address(server), pause=0.001))


@pytest.mark.parametrize(("status", "fix"), [(401, "key"), (400, "OpenLineage server"), (302, "OpenLineage server")])
def test_a_refusal_is_told_with_what_the_server_said(server: Server, status: int, fix: str) -> None:
    server.answers = [201, status]
    with pytest.raises(EndpointNonsense, match=f"{status}: said the server") as raised:
        emit(events(RUNS), Http(address(server), key="secret"))
    assert "event 2 of 2" in str(raised.value)
    assert fix in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_silent_and_an_absent_server_are_told_apart(server: Server) -> None:
    server.answers = [0]
    with pytest.raises(EndpointSlow, match="within 0.2 s"):
        emit(events(RUNS[:1]), Http(address(server), timeout=0.2))
    for wrong in ("http://127.0.0.1:1", "nowhere", "http://[", "ftp://x"):
        with pytest.raises(EndpointDown):
            emit(events(RUNS[:1]), Http(wrong))
