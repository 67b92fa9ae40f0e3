"""What is compiled or compared: a model, the rows that it was calibrated on, and rows that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli.tracing import version_of, versions_of
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    import numpy as np

    from casemate.core.model import Model
    from casemate.core.provenance import DatasetVersion
    from casemate.core.schema import Schema

OUTSIDE = ("on_request", "on_response")
"""Hooks of controls that act on requests and answers in the clear, which no program computes."""


@dataclass(frozen=True, eq=False)
class Modelled:
    """A model with rows.

    Args:
        model: what answers.
        schema: its columns and classes.
        name: what it is called.
        rows: it was trained on, or calibration rows, (n, d).
        held: that it has not seen; None where nobody knows any.
        notes: what its owner should know.
        data: the files that it was made from, as the lineage knows them.
    """

    model: Model
    schema: Schema
    name: str
    rows: np.ndarray
    held: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    data: tuple[DatasetVersion, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the command line says of a model.

    Args:
        calibration: rows, a path or ``sklearn:NAME``; "" for a system's own.
        target: the column of them that holds the label.
        classes: names of the classes.
        allow_pickle: whether pickles are read, after a scan.
    """

    calibration: str = ""
    target: str = ""
    classes: Sequence[str] = ()
    allow_pickle: bool = False


def modelled(path: Path, asked: Asked) -> Modelled:
    """Return the model of a system file or of a model file.

    Raises:
        CasemateError: it cannot be loaded or trained, or there are no calibration rows.
    """
    if path.is_dir() or path.suffix == ".toml":
        return _of_system(path, asked)
    if not asked.calibration:
        raise CasemateError(
            "a model file needs calibration rows",
            where="--calibration",
            why="ranges, and polynomials that stand for functions, come from them",
            fix="give some hundred rows like those that will be asked: --calibration rows.csv",
        )
    return _of_file(path, asked)


def load_like(path: Path, schema: Schema, *, allow_pickle: bool = False) -> Model:
    """Return the model in a file, with the columns and classes of a schema.

    Raises:
        ModelError: see `casemate.systems.models.load_model`.
    """
    from casemate.core.errors import PickleRefused
    from casemate.systems.models import load_model

    try:
        return load_model(path, schema, allow_pickle=allow_pickle)[0]
    except PickleRefused as error:
        if not allow_pickle:
            error.fix = "save the model with skops.io.dump, or add --allow-pickle if you know where it comes from"
        raise


def _of_system(path: Path, asked: Asked) -> Modelled:
    from casemate.controls import find
    from casemate.controls.anonymity.foreign import read_foreign
    from casemate.core.build import build
    from casemate.core.seeds import derive
    from casemate.systems.data.read import Source
    from casemate.systems.data.unlabelled import read_rows
    from casemate.systems.file import load

    declared = load(path, find_control=find, read_labels=read_foreign)
    system = declared.system
    if declared.declaration.data is None:
        raise CasemateError("the system has no model", where=str(declared.path), fix="add tables [data] and [model]")
    wires = [control.id for control in system.controls if "on_wire" in control.hooks]  # would compile the model, too
    built = build(system.without(*wires), derive(declared.settings.seed, "victim"))
    schema = system.train.schema
    rows = read_rows(Source(asked.calibration, Path.cwd()), schema.columns) if asked.calibration else built.data.X
    outside = [c.id for c in system.controls if any(hook in c.hooks for hook in OUTSIDE)]
    notes = (f"not in the program, for they act on rows or answers in the clear: {', '.join(outside)}",)
    data = versions_of(system.versions, declared.path.absolute().parent)
    calibration = version_of(asked.calibration) if asked.calibration else None
    return Modelled(
        built.guard.model,
        schema,
        system.name,
        rows,
        system.test.X,
        notes if outside else (),
        (*data, *([calibration] if calibration else [])),
    )


def _of_file(path: Path, asked: Asked) -> Modelled:
    from casemate.core.schema import Schema
    from casemate.systems.data import load_data
    from casemate.systems.data.read import Source
    from casemate.systems.data.unlabelled import read_columns
    from casemate.systems.declaration import DataTable

    source = asked.calibration
    if asked.target:
        table = DataTable(train=source, test=source, target=asked.target, classes=tuple(asked.classes))
        data = load_data(table, Path.cwd())
        schema, rows = data.train.schema, data.train.X
    elif asked.classes:
        columns, rows = read_columns(Source(source, Path.cwd()))
        schema = Schema(columns, tuple(asked.classes))
    else:
        raise CasemateError(
            "which classes does the model tell apart?",
            where=str(path),
            fix="name them in the order of their labels: --class no --class yes; or name the column of the "
            "calibration rows that holds the label: --target COLUMN",
        )
    model, read = load_like(path, schema, allow_pickle=asked.allow_pickle), version_of(source)
    return Modelled(model, schema, path.stem, rows, data=(read,) if read else ())
