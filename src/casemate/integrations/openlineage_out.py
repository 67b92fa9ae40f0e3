"""OpenLineage out: recorded runs, models, deployments and consumers as events of the standard."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from casemate.core.digests import digest
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run, RunStatus
from casemate.integrations import openlineage_facets as facets
from casemate.integrations.openlineage_graph import Link, Told, told_of
from casemate.lineage.graph import Graph

Event = dict[str, Any]
Facts = Mapping[str, Mapping[str, str]]

NAMESPACE = "casemate"
"""Of the jobs and data sets that Casemate recorded."""
TYPES: dict[RunStatus, str] = {"complete": "COMPLETE", "failed": "FAIL", "quarantined": "ABORT"}


def events(lineage: Graph | Iterable[Run], namespace: str = NAMESPACE) -> list[Event]:
    """Return lineage as events: one for each run, then one for each deployment and consumer.

    Everything that was recorded is in them, in the standard's facets as far as these have words for it, and in our own
    (``casemate_run``, ``casemate_dataset``, ``casemate_link``), so that it can be taken in again as it was.

    Args:
        lineage: runs, or a graph of the store.
        namespace: of jobs and data sets.
    """
    if isinstance(lineage, Graph):
        told, links = told_of(lineage)
    else:
        told, links = [Told(run) for run in lineage], []
    return [*(_run_event(one, namespace) for one in told), *(_link_event(link, namespace) for link in links)]


def _run_event(told: Told, namespace: str) -> Event:
    run = replace(told.run, edges=tuple(_whole(edge, told.run) for edge in told.run.edges))
    inputs = [(version, "") for version in run.inputs] + [(model, "MODEL") for model in told.asked]
    outputs = [(version, "") for version in run.outputs] + [(model, "MODEL") for model in told.made]
    return {
        "eventType": TYPES[run.status],
        "eventTime": run.finished.isoformat(),
        "producer": facets.PRODUCER,
        "schemaURL": facets.RUN_EVENT,
        "run": {"runId": run_id(told.run), "facets": facets.run_facets(told.run)},
        "job": {"namespace": namespace, "name": run.job, "facets": facets.job_facets(run.actor)},
        "inputs": [_input(version, kind, namespace, told.facts) for version, kind in inputs],
        "outputs": [_output(version, kind, run, namespace, told.facts) for version, kind in outputs],
    }


def _input(version: DatasetVersion, kind: str, namespace: str, facts: Facts) -> Event:
    found = facets.dataset_facets(version, kind, facts.get(version.name))
    told: Event = {"namespace": namespace, "name": version.name, "facets": found}
    if version.rows >= 0:
        counted = facets.standard("InputStatisticsInputDatasetFacet", "1-0-0", rowCount=version.rows)
        told["inputFacets"] = {"inputStatistics": counted}
    return told


def _output(version: DatasetVersion, kind: str, run: Run, namespace: str, facts: Facts) -> Event:
    found = facets.dataset_facets(version, kind, facts.get(version.name))
    lineage = facets.column_lineage(run.edges, version.name, {source.name for source in run.inputs}, namespace)
    if lineage is not None:
        found["columnLineage"] = lineage
    told: Event = {"namespace": namespace, "name": version.name, "facets": found}
    if version.rows >= 0:
        counted = facets.standard("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=version.rows)
        told["outputFacets"] = {"outputStatistics": counted}
    return told


def _link_event(link: Link, namespace: str) -> Event:
    """A deployment or a consumer: a job that is always there, and reads a model or data set."""
    told = facets.ours(
        "CasemateLinkFacet", kind=link.kind, of=link.of, why=link.why, actor=link.actor, about=link.about
    )
    found = {**facets.job_facets(link.actor, "SERVICE"), "casemate_link": told}
    inputs = [_input(link.version, "MODEL" if link.of == "model" else "", namespace, {})] if link.version else []
    return {
        "eventTime": link.at,
        "producer": facets.PRODUCER,
        "schemaURL": facets.JOB_EVENT,
        "job": {"namespace": namespace, "name": link.name, "facets": found},
        "inputs": inputs,
        "outputs": [],
    }


def run_id(run: Run) -> str:
    """Return a UUID that is the same for the same run, so that sending it twice tells of one run."""
    versions = [(version.name, version.digest) for version in (*run.inputs, *run.outputs)]
    content = digest(run.job, run.actor, run.started.isoformat(), run.finished.isoformat(), versions)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, content))


def _whole(edge: ColumnEdge, run: Run) -> ColumnEdge:
    """An edge that names both its data sets, where the run has some that it can mean."""

    def named(name: str, column: str, versions: Sequence[DatasetVersion]) -> str:
        fits = [version.name for version in versions if column in version.columns] or [v.name for v in versions]
        return name or (fits[0] if fits else "")

    source = named(edge.source_dataset, edge.source, run.inputs)
    return replace(edge, source_dataset=source, target_dataset=named(edge.target_dataset, edge.target, run.outputs))
