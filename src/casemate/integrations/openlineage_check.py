"""OpenLineage check: events against the classes of the standard's own Python client, where that is installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from casemate.core.errors import ExtraMissing, LineageError

STANDARD = {
    "columnLineage": "column_lineage_dataset.ColumnLineageDatasetFacet",
    "dataSource": "datasource_dataset.DatasourceDatasetFacet",
    "datasetType": "dataset_type_dataset.DatasetTypeDatasetFacet",
    "errorMessage": "error_message_run.ErrorMessageRunFacet",
    "inputStatistics": "input_statistics_input_dataset.InputStatisticsInputDatasetFacet",
    "jobType": "job_type_job.JobTypeJobFacet",
    "nominalTime": "nominal_time_run.NominalTimeRunFacet",
    "outputStatistics": "output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet",
    "ownership": "ownership_job.OwnershipJobFacet",
    "processing_engine": "processing_engine_run.ProcessingEngineRunFacet",
    "schema": "schema_dataset.SchemaDatasetFacet",
    "version": "dataset_version_dataset.DatasetVersionDatasetFacet",
}
"""The standard's facets that are checked, and their classes."""


def check(events: Iterable[Mapping[str, Any]]) -> int:
    """Check events against the official client; return how many.

    Every event, and every facet of the standard in it, is built as the client's own class, which refuses wrong names,
    missing parts and wrong times; and each must name the schema of the same facet that the client knows, in a version
    with the same leading number.

    Raises:
        ExtraMissing: the client is not installed.
        LineageError: an event is not as the client wants it.
    """
    count = 0
    for count, event in enumerate(events, start=1):
        try:
            _event(event)
        except (TypeError, ValueError, KeyError) as error:
            raise LineageError(f"not as the OpenLineage client wants it: {error}", where=f"event {count}") from error
    return count


def _event(event: Mapping[str, Any]) -> None:
    client = _module("event_v2")
    inputs = [_dataset(client.InputDataset, one, "inputFacets") for one in event["inputs"]]
    outputs = [_dataset(client.OutputDataset, one, "outputFacets") for one in event["outputs"]]
    job = client.Job(event["job"]["namespace"], event["job"]["name"], _facets(event["job"]["facets"]))
    common = {"eventTime": event["eventTime"], "producer": event["producer"], "job": job}
    if "run" in event:
        run = client.Run(event["run"]["runId"], _facets(event["run"]["facets"]))
        kind = client.RunState(event["eventType"])
        built = client.RunEvent(**common, eventType=kind, run=run, inputs=inputs, outputs=outputs)
    else:
        built = client.JobEvent(**common, inputs=inputs, outputs=outputs)
    _same_schema("event", event["schemaURL"], built.schemaURL)


def _dataset(kind: Any, told: Mapping[str, Any], own: str) -> Any:
    return kind(told["namespace"], told["name"], facets=_facets(told["facets"]), **{own: _facets(told.get(own, {}))})


def _facets(told: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _facet(name, facet) for name, facet in told.items()}


def _facet(name: str, facet: Mapping[str, Any]) -> Any:
    for key in ("_producer", "_schemaURL"):
        if ":" not in facet[key]:
            raise ValueError(f"{name}: {key} is no URI")
    if name not in STANDARD:
        if not name.startswith("casemate_"):
            raise ValueError(f"{name} is neither a facet of the standard nor one of ours")
        return _module("generated.base").BaseFacet(producer=facet["_producer"])
    module, _, kind = STANDARD[name].rpartition(".")
    content = {key: value for key, value in facet.items() if not key.startswith("_")}
    found = _module(f"generated.{module}")
    built = getattr(found, kind)(**_nested(found, name, content), producer=facet["_producer"])
    _same_schema(name, facet["_schemaURL"], built._schemaURL)
    return built


def _same_schema(name: str, ours: str, theirs: str) -> None:
    """Raise ValueError where two schemas are not of one name and one leading number of their version."""

    def parts(url: str) -> tuple[str, str]:
        *_, version, file = url.partition("#")[0].split("/")
        return version.partition("-")[0], file

    if parts(ours) != parts(theirs):
        raise ValueError(f"{name}: the schema is {ours}, not {theirs}")


def _nested(found: Any, name: str, content: dict[str, Any]) -> dict[str, Any]:
    """The parts of a facet that are classes of their own."""
    if name == "schema":
        return {"fields": [found.SchemaDatasetFacetFields(**one) for one in content["fields"]]}
    if name == "ownership":
        return {"owners": [found.Owner(**one) for one in content["owners"]]}
    if name == "columnLineage":
        return {"fields": {column: _owed(found, owed) for column, owed in content["fields"].items()}}
    return content


def _owed(found: Any, owed: Mapping[str, Any]) -> Any:
    inputs = [
        found.InputField(**{**one, "transformations": [found.Transformation(**t) for t in one["transformations"]]})
        for one in owed["inputFields"]
    ]
    return found.Fields(inputFields=inputs)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"openlineage.client.{name}")
    except ModuleNotFoundError as error:
        raise ExtraMissing(
            "openlineage-python is needed to check events, and it is not installed",
            fix='pip install "casemate[openlineage]"',
        ) from error
