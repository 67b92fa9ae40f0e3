"""What answers for a system: a shipped artefact, a remote endpoint, or whatever its recipe trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import asdict

from casemate.core.errors import RecipeMissing, UnknownName
from casemate.core.model import Model, Recipe, Teacher
from casemate.core.schema import Schema
from casemate.systems.declaration import ModelTable, TeacherTable
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake


@dataclass(frozen=True, eq=False)
class Answering:
    """The parts of a system that learn and answer.

    Args:
        recipe: how it is trained, or None.
        model: what is shipped, or None.
        digest: content digest of what is shipped; empty where nothing is.
        teacher: the public model that it re-uses, or None.
    """

    recipe: Recipe | None = None
    model: Model | None = None
    digest: str = ""
    teacher: Teacher | None = None


def check_model(table: ModelTable, lines: Lines) -> None:
    """Raise SystemFileError where [model] names nothing that answers, or contradicts itself."""
    if table.artefact is None and table.recipe is None and table.endpoint is None:
        raise mistake(
            "[model] names nothing that answers",
            lines,
            ("model",),
            why="there is no system without a model",
            fix='add artefact = "<file>", recipe = "module:function", or a table [model.endpoint]',
        )
    if table.artefact is not None and table.endpoint is not None:
        raise mistake(
            "[model] names both an artefact and an endpoint",
            lines,
            ("model", "endpoint"),
            why="only one of them can be the model that is shipped",
            fix="keep the one that answers your clients",
        )
    for key, value in (("format", table.format), ("factory", table.factory), ("allow-pickle", table.allow_pickle)):
        if value and table.artefact is None:
            what = f"[model] has {key}, which speaks of an artefact, but names none"
            raise mistake(what, lines, ("model", key), fix=f'add artefact = "<file>", or remove {key}')


def check_recipe(table: ModelTable, root: Path) -> None:
    """Raise RecipeMissing where the recipe's module or function is surely not there; none of it runs."""
    if table.recipe is not None:
        from casemate.systems.references import Reference

        Reference.parse(table.recipe, root, RecipeMissing).check(RecipeMissing)


def answering(table: ModelTable, schema: Schema, root: Path, lines: Lines | None = None) -> Answering:
    """Return what a checked [model] table names; file names start from ``root``.

    Raises:
        ModelError: the artefact or the teacher cannot be used.
        EndpointError: the endpoint cannot be used.
        RecipeMissing: the recipe is not written as module:function.
        SystemFileError: the teacher has no such layer.
    """
    frame = table.input == "frame"
    recipe: Recipe | None = None
    if table.recipe is not None:
        from casemate.systems.recipe import RecipeRef

        recipe = RecipeRef(table.recipe, root, table.time_limit, frame)
    model, digest = _shipped(table, schema, root, frame)
    teacher = None if table.teacher is None else _teacher(table.teacher, schema, root, lines or Lines())
    return Answering(recipe, model, digest, teacher)


def _shipped(table: ModelTable, schema: Schema, root: Path, frame: bool) -> tuple[Model | None, str]:
    if table.artefact is not None:
        from casemate.systems.models.load import load_model

        return load_model(
            table.artefact,
            schema,
            format=table.format,
            factory=table.factory,
            allow_pickle=table.allow_pickle,
            frame=frame,
            base=root,
        )
    if table.endpoint is not None:
        from casemate.systems.models.endpoint import Endpoint
        from casemate.systems.models.remote import connect

        return connect(Endpoint(**asdict(table.endpoint)), schema)
    return None, ""


def _teacher(table: TeacherTable, schema: Schema, root: Path, lines: Lines) -> Teacher:
    from casemate.systems.teacher import load_teacher

    try:
        return load_teacher(table.factory, table.weights, table.layer, schema, root)
    except UnknownName as error:
        raise mistake(error.what, lines, ("model", "teacher", "layer"), fix=error.fix) from None
