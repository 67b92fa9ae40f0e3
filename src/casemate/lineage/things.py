"""Models, deployments and consumers on their way into the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from casemate.core.errors import LineageError, UnknownName
from casemate.lineage.batch import Batch, plain
from casemate.store import tables


@dataclass(frozen=True)
class Model:
    """One version of a model.

    Args:
        name: what its owner calls it; the same for all its versions.
        digest: SHA-256 of its artefact.
        location: where the artefact is: a path or an address, without secrets.
        facts: short facts worth keeping, by name; no secrets and nobody's values.
    """

    name: str
    digest: str
    location: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def model_number(batch: Batch, model: Model) -> int:
    """Return the number of a model version; added where it is new."""
    from sqlalchemy import select

    if not model.name or not model.digest:
        raise LineageError(
            "a version of a model needs a name and a digest",
            where=f"name {model.name!r}, digest {model.digest!r}",
            why="without both it could not be told from any other",
            fix="take the digest with casemate.core.digests.file_digest",
        )
    table = tables.model_version
    query = select(table.c.id).where(table.c.name == model.name, table.c.digest == model.digest)
    found = batch.connection.execute(query).scalar()
    if found is not None:
        return int(found)
    facts = batch.text(plain(model.facts))
    return batch.add("model_version", model.name, model.digest, batch.text(model.location), facts)


def must_exist(batch: Batch, number: int, *kinds: str) -> None:
    """Check that a number is that of a thing of one of these kinds.

    Raises:
        UnknownName: it is not.
    """
    from sqlalchemy import select

    for kind in kinds:
        table = tables.metadata.tables[kind]
        if batch.connection.execute(select(table.c.id).where(table.c.id == number)).first():
            return
    spoken = " or ".join(kind.replace("_", " ") for kind in kinds)
    raise UnknownName(f"there is no {spoken} with number {number}", fix="casemate lineage list shows what there is")


def link(batch: Batch, source: int, target: int, transformation: str, why: str) -> None:
    """Add one edge between two things.

    Raises:
        LineageError: it has no reason.
    """
    batch.edges([source], [target], [batch.detail("direct", False, transformation, why)])


@dataclass(frozen=True)
class Verdict:
    """One finding of an assessment.

    Args:
        attack: public id of the attack.
        verdict: held, broken, inconclusive or not applicable.
        reason: why.
        concerns: numbers of the versions of data sets and models that it concerns; at least one.
    """

    attack: str
    verdict: str
    reason: str
    concerns: tuple[int, ...]


def assess(batch: Batch, digest: str, system: str, verdict: str, location: str, findings: Iterable[Verdict]) -> int:
    """Add an assessment with its findings; return its number."""
    made = batch.add("assessment", digest, system, verdict, batch.text(location))
    for finding in findings:
        for number in finding.concerns:
            must_exist(batch, number, "dataset_version", "model_version", "deployment")
            batch.add("finding", made, number, finding.attack, finding.verdict, batch.text(finding.reason))
    return made
