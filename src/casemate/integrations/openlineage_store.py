"""OpenLineage into the store: what events tell of, recorded as if it had happened here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from casemate.core.errors import LineageError, UnknownName
from casemate.integrations.openlineage_graph import Link, Told
from casemate.integrations.openlineage_in import take_in
from casemate.integrations.openlineage_known import Known
from casemate.lineage.things import Model

if TYPE_CHECKING:
    from casemate.core.provenance import DatasetVersion
    from casemate.lineage.lineage import Lineage

ELSEWHERE = "known from elsewhere"


@dataclass(frozen=True)
class BroughtIn:
    """How many were recorded, and how many runs, deployments and consumers were known already."""

    runs: int
    models: int
    deployments: int
    consumers: int
    known: int


def bring_in(lineage: Lineage, events: Iterable[Mapping[str, Any] | bytes | str], source: str = "") -> BroughtIn:
    """Record what events tell of and is not known yet; return how much.

    All events are read and checked before the first is recorded. A run that others told of is known where its
    producer's id and all that was told of it are the same.

    Args:
        lineage: an open lineage.
        events: see `casemate.integrations.openlineage.ingest`.
        source: where they come from, for errors.

    Raises:
        LineageError: an event is wrong; nothing was recorded. Or a deployment or a consumer uses what nobody tells of.
    """
    told, links = take_in(events, source)
    known, writer = Known(lineage, told, links), _Writer(lineage)
    runs = [one for one in told if not known.has(one)]
    uses = [link for link in links if not known.has(link)]
    for one in runs:
        writer.run(one)
    for link in sorted(uses, key=lambda link: link.kind == "consumer"):  # deployments first
        writer.link(link)
    kinds = [link.kind for link in uses]
    before = len(told) + len(links) - len(runs) - len(uses)
    return BroughtIn(len(runs), len(writer.models), kinds.count("deployment"), kinds.count("consumer"), before)


class _Writer:
    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self.models: dict[tuple[str, str], int] = {}

    def run(self, told: Told) -> None:
        made = {version.name for version in told.made}
        kept = tuple(edge for edge in told.run.edges if edge.target_dataset not in made)
        if told.run.outputs or not told.made:
            asked = [self._model(version, told) for version in told.asked]
            self.lineage.record(replace(told.run, edges=kept), models=asked)
        for version in told.made:
            self._train(version, told)

    def _train(self, version: DatasetVersion, told: Told) -> None:
        run = told.run
        used = [edge for edge in run.edges if edge.target_dataset == version.name]
        columns: dict[str, list[str]] = {source.name: [] for source in run.inputs} if used else {}
        for edge in used:
            columns.setdefault(edge.source_dataset, []).append(edge.source)
        self.models[version.name, version.digest] = self.lineage.record_model(
            Model(version.name, version.digest, version.location, told.facts.get(version.name, {})),
            run.inputs,
            actor=run.actor,
            columns=columns,
            job=run.job,
            why=used[0].why if used else f"{run.job} made it",
            started=run.started,
            finished=run.finished,
            purpose=run.purpose,
            policy_digest=run.policy_digest,
            facts=run.facts,
        )

    def _model(self, version: DatasetVersion, told: Told) -> int:
        """The number of a model that a run asked; one that no event tells of the training of is taken as it is."""
        number = self._stored(f"model:{version.name}@{version.digest}")
        if number is None:
            model = Model(version.name, version.digest, version.location, told.facts.get(version.name, {}))
            number = self.lineage.record_model(model, (), actor=told.run.actor, job=ELSEWHERE)
            self.models[version.name, version.digest] = number
        return number

    def link(self, link: Link) -> None:
        used = self._used(link)
        if link.kind == "deployment":
            why = link.why or "it answers with it"
            self.lineage.deploy(link.name, used, actor=link.actor, location=link.about, why=why)
        else:
            why = link.why or "it uses what it gives"
            self.lineage.consume(link.name, used, actor=link.actor, about=link.about, why=why)

    def _used(self, link: Link) -> int:
        """The number of what a deployment or a consumer uses."""
        if link.version is None:
            found = self._stored(f"deployment:{link.of.removeprefix('deployment ')}")
        else:
            name = f"{link.of}:{link.version.name}"
            found = self._stored(f"{name}@{link.version.digest}") or self._stored(name)
        if found is None:
            raise LineageError(
                f"the {link.kind} {link.name!r} uses something that no event tells of",
                where=link.version.name if link.version else link.of,
                why="it would hang in the air",
                fix="send the events of the run that made it as well",
            )
        return found

    def _stored(self, name: str) -> int | None:
        """The number of the newest thing of a name, whenever it was recorded; None where there is none."""
        try:
            return self.lineage.find(name)[-1].number
        except UnknownName:
            return None
