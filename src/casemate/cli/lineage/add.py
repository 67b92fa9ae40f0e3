"""casemate lineage add: what no verb of Casemate made is recorded by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import of_kind, one, opened
from casemate.cli.screen import out
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.core.provenance import DatasetVersion
    from casemate.lineage import Lineage

Kind = Literal["dataset", "model", "deployment", "consumer"]


def command(
    kind: Kind,
    name: str,
    /,
    *,
    of: Annotated[list[str] | None, Parameter(name=["--of", "--from"], metavar="NAME")] = None,
    file: Path | None = None,
    location: str = "",
    about: str = "",
    why: str = "",
    actor: str = "",
    store: Store = None,
) -> int:
    """Record a data set, a model, a deployment or a consumer by hand.

    Args:
        kind: What it is.
        name: What it is called; the same for all versions of a data set or model.
        of: What it came from or uses: data sets for a data set or model, a model for a deployment, a deployment, model
            or data set for a consumer; name or name@digest, may be repeated.
        file: The file of a data set or model.
        location: Where a deployment answers, or a file is to be looked for, if not where it is. Without secrets.
        about: What it is, in a sentence.
        why: The reason. Default: what is usual.
        actor: Who says so. Default: that of CASEMATE_ACTOR, else the user of this machine.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    from casemate.cli.tracing import actor as whoever

    who = actor or whoever()
    with opened(store, create=True) as lineage:
        origins = of or []
        if kind == "dataset":
            number = _dataset(lineage, name, origins, _needed(file, kind), location, who, why)
        elif kind == "model":
            number = _model(lineage, name, origins, _needed(file, kind), location, about, who, why)
        else:
            _no_file(file, kind)
            number = _user(lineage, kind, name, origins, location, about, who, why)
        out().print(f"{kind} {name} has number {number}", soft_wrap=True)
    return 0


def _dataset(lineage: Lineage, name: str, origins: list[str], file: Path, location: str, actor: str, why: str) -> int:
    from casemate.core.digests import file_digest
    from casemate.core.provenance import DatasetVersion, Run
    from casemate.lineage.erasure.formats import format_of
    from casemate.lineage.runs import now

    format = format_of(file)
    columns = format.columns(file) if format else ()
    rows = len(format.ids(file, columns[0])) if format and columns else -1
    version = DatasetVersion(name, file_digest(file), location or str(file.absolute()), rows, columns)
    moment = now()
    inputs = tuple(_version(lineage, origin) for origin in origins)
    facts = {"why": why} if why else {}
    lineage.record(Run("casemate lineage add", actor, moment, moment, inputs, (version,), facts=facts))
    return next(thing.number for thing in lineage.find(f"{name}@{version.digest}"))


def _model(
    lineage: Lineage, name: str, origins: list[str], file: Path, location: str, about: str, actor: str, why: str
) -> int:
    from casemate.core.digests import file_digest
    from casemate.lineage import Model
    from casemate.lineage.lineage import TRAINED

    model = Model(name, file_digest(file), location or str(file.absolute()), {"about": about} if about else {})
    trained = [_version(lineage, origin) for origin in origins]
    return lineage.record_model(model, trained, actor=actor, why=why or TRAINED)


def _user(
    lineage: Lineage, kind: Kind, name: str, origins: list[str], location: str, about: str, actor: str, why: str
) -> int:
    """A deployment of a model, or a consumer of whatever it uses."""
    said = {"why": why} if why else {}
    if not origins:
        raise CasemateError(f"what does the {kind} use?", where="casemate lineage add", fix="name it with --of")
    numbers = []
    for origin in origins:
        if kind == "deployment":
            model = of_kind(lineage, origin, "model")
            numbers.append(lineage.deploy(name, model.number, actor=actor, location=location, **said))
        else:
            numbers.append(lineage.consume(name, one(lineage, origin).number, actor=actor, about=about, **said))
    return numbers[-1]


def _version(lineage: Lineage, name: str) -> DatasetVersion:
    from casemate.lineage.versions import load

    thing = of_kind(lineage, name, "dataset")
    with lineage.store.reading() as connection:
        return load(connection, thing.number)


def _needed(file: Path | None, kind: str) -> Path:
    if file is None or not file.is_file():
        raise CasemateError(
            f"there is no file {str(file)!r}" if file else f"a {kind} needs its file",
            where="--file",
            why="its digest tells one version from another",
        )
    return file


def _no_file(file: Path | None, kind: str) -> None:
    if file is not None:
        raise CasemateError(f"a {kind} has no file", where=f"--file {file}", fix="leave --file out")
