"""OpenLineage facets: what events hold of a run, of data sets and of columns, in the standard's words and in ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from casemate import __version__
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run

Facet = dict[str, Any]

PRODUCER = f"urn:casemate:{__version__}"
SPEC = "https://openlineage.io/spec"
RUN_EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
JOB_EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/JobEvent"
OURS = "urn:casemate:openlineage:{}:1-0-0"
"""The schema of a facet of our own."""

INDIRECT = (
    ("aggregate", "GROUP_BY"),
    ("condition", "CONDITIONAL"),
    ("filter", "FILTER"),
    ("group", "GROUP_BY"),
    ("join", "JOIN"),
    ("sort", "SORT"),
    ("window", "WINDOW"),
)
"""How transformations begin, and the subtype of an indirect transformation that each is."""


def standard(name: str, version: str, /, **content: Any) -> Facet:
    """Return a facet of the standard, without what is None."""
    url = f"{SPEC}/facets/{version}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **{k: v for k, v in content.items() if v is not None}}


def ours(name: str, /, **content: Any) -> Facet:
    """Return a facet of our own."""
    return {"_producer": PRODUCER, "_schemaURL": OURS.format(name), **content}


def run_facets(run: Run) -> dict[str, Facet]:
    """Return the facets of a run: its times, its engine, and ours with every edge as it was recorded."""
    begun, ended = run.started.isoformat(), run.finished.isoformat()
    facets = {
        "nominalTime": standard("NominalTimeRunFacet", "1-0-1", nominalStartTime=begun, nominalEndTime=ended),
        "processing_engine": standard("ProcessingEngineRunFacet", "1-1-1", version=__version__, name="Casemate"),
        "casemate_run": ours(
            "CasemateRunFacet",
            actor=run.actor,
            started=begun,
            purpose=run.purpose,
            policyDigest=run.policy_digest,
            keyEpoch=run.key_epoch,
            status=run.status,
            facts=dict(run.facts),
            edges=[_edge(edge) for edge in run.edges],
        ),
    }
    if run.status == "failed":
        told = {"message": "the run failed", "programmingLanguage": "Python"}
        facets["errorMessage"] = standard("ErrorMessageRunFacet", "1-0-1", **told)
    return facets


def job_facets(actor: str, kind: str = "BATCH") -> dict[str, Facet]:
    """Return the facets of a job: what kind it is, and who owns it."""
    return {
        "jobType": standard("JobTypeJobFacet", "2-0-4", processingType=kind, integration="CASEMATE", jobType="JOB"),
        "ownership": standard("OwnershipJobFacet", "1-0-1", owners=[{"name": actor, "type": "ACTOR"}]),
    }


def dataset_facets(version: DatasetVersion, kind: str = "", facts: Mapping[str, str] | None = None) -> dict[str, Facet]:
    """Return the facets of a version of a data set.

    Args:
        version: of the data set, or of a model in the words of one.
        kind: its type in the standard's words; empty for one that is not told.
        facts: what else is told of a model.
    """
    columns = [{"name": name, "ordinal_position": i} for i, name in enumerate(version.columns, start=1)]
    facets = {
        "version": standard("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=version.digest),
        "casemate_dataset": ours(
            "CasemateDatasetFacet",
            location=version.location,
            rows=version.rows,
            roles=dict(version.roles),
            facts=dict(facts or {}),
        ),
    }
    if columns:
        facets["schema"] = standard("SchemaDatasetFacet", "1-2-0", fields=columns)
    if version.location:
        facets["dataSource"] = standard("DatasourceDatasetFacet", "1-0-1", name=version.location)
    if kind:
        facets["datasetType"] = standard("DatasetTypeDatasetFacet", "1-0-1", datasetType=kind)
    return facets


def column_lineage(edges: Iterable[ColumnEdge], output: str, inputs: Collection[str], namespace: str) -> Facet | None:
    """Return what the columns of an output owe, in the standard's words; None where they owe nothing.

    Args:
        edges: of the run, each naming both data sets.
        output: name of the output.
        inputs: names of the inputs.
        namespace: of all of them.
    """
    fields: dict[str, dict[tuple[str, str], list[Facet]]] = {}
    for edge in edges:
        if edge.target and edge.target_dataset == output and edge.source_dataset in inputs:
            sources = fields.setdefault(edge.target, {})
            sources.setdefault((edge.source_dataset, edge.source), []).append(_transformation(edge))
    if not fields:
        return None
    told = {
        target: {
            "inputFields": [
                {"namespace": namespace, "name": dataset, "field": column, "transformations": done}
                for (dataset, column), done in sources.items()
            ]
        }
        for target, sources in fields.items()
    }
    return standard("ColumnLineageDatasetFacet", "1-2-0", fields=told)


def _transformation(edge: ColumnEdge) -> Facet:
    kind = "INDIRECT" if edge.kind == "indirect" else "DIRECT"
    unknown = "opaque, nobody knows what went where: " if edge.kind == "opaque" else ""
    description = f"{unknown}{edge.transformation}. {edge.why}"
    return {"type": kind, "subtype": _subtype(edge), "description": description, "masking": edge.masking}


def _subtype(edge: ColumnEdge) -> str:
    if edge.kind == "indirect":
        return next((word for start, word in INDIRECT if edge.transformation.startswith(start)), "CONDITIONAL")
    if edge.transformation == "identity":
        return "IDENTITY"
    return "AGGREGATION" if "aggregate:" in edge.transformation else "TRANSFORMATION"


def _edge(edge: ColumnEdge) -> Facet:
    told: Facet = msgspec.to_builtins(edge)
    required = ("source", "target", "transformation", "why")
    return {name: value for name, value in told.items() if name in required or value not in ("", None, False)}
