"""Model files: found, checked, read, and adapted. Nothing is loaded before it is scanned."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from casemate.core.digests import digest
from casemate.core.errors import (
    CasemateError,
    ModelMissing,
    ModelUnreadable,
    ModelUnsupported,
    PickleRefused,
    ShapeMismatch,
    did_you_mean,
)
from casemate.core.model import Model
from casemate.core.schema import Schema
from casemate.systems.models.dispatch import adapt
from casemate.systems.models.extras import need
from casemate.systems.references import Reference
from casemate.systems.unpacking import check_archive

FORMATS = {
    ".skops": "skops",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".joblib": "pickle",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".txt": "lightgbm",
    ".pt2": "torch-export",
    ".safetensors": "safetensors",
    ".onnx": "onnx",
}
"""Format by a file's extension."""

_TORCH_PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".tar")


@dataclass(frozen=True)
class Artefact:
    """A model file that is to be read.

    Args:
        path: where it lies.
        content: all its bytes.
        schema: the system's columns and classes.
        factory: builds the module whose weights the file holds.
        allow_pickle: whether the user allows pickles.
        frame: see `adapt`.
    """

    path: Path
    content: bytes
    schema: Schema
    factory: Reference | None
    allow_pickle: bool
    frame: bool


def load_model(
    path: str | Path,
    schema: Schema,
    *,
    format: str | None = None,
    factory: str | None = None,
    allow_pickle: bool = False,
    frame: bool = False,
    base: Path | None = None,
) -> tuple[Model, str]:
    """Read a model file.

    Args:
        path: the file, relative to ``base``.
        schema: the system's columns and classes.
        format: one of the values of `FORMATS`; by the extension where None.
        factory: ``module:function`` that builds the torch module for a .safetensors file; its module is found below
            ``base``.
        allow_pickle: read pickles and joblib files, after a scan.
        frame: the model takes frames; see `adapt`.
        base: the folder of the system file; the current one where None.

    Returns:
        The model, and the digest of the file's content and of the factory's source.

    Raises:
        ModelMissing: no such file, or no such factory.
        ModelUnreadable: truncated or damaged.
        ModelUnsupported: a format or a model that no adapter knows.
        PickleRefused: a pickle that was not allowed, or one that names more than a model needs.
        ExtraMissing: an optional library is not installed.
        ShapeMismatch: its inputs or classes disagree with the schema.
    """
    root = Path(base or ".").resolve()
    file = root / path
    if file.is_dir():
        raise ModelMissing(f"{path} is a folder, and no model file", where=str(file), fix="name a file in it")
    if not file.is_file():
        siblings = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
        raise ModelMissing(
            f"there is no model file {str(path)!r}.{did_you_mean(file.name, siblings)}",
            where=str(file),
            fix="correct the path in [model], or train and save the model first",
        )
    known = _format(file, format)
    reference = Reference.parse(factory, root, ModelMissing) if factory else None
    content = file.read_bytes()
    if not content:
        raise ModelUnreadable(f"{path} is empty", where=str(file), fix="save the model again")
    model = _read(known, Artefact(file, content, schema, reference, allow_pickle, frame))
    if (model.features, model.classes) != (schema.features, len(schema.classes)):
        raise ShapeMismatch(
            f"the model takes {model.features} inputs and tells {model.classes} classes apart; "
            f"the data has {schema.features} input columns and {len(schema.classes)} classes",
            where=str(file),
            why="predictions would be nonsense or fail",
            fix="check the columns' roles and order in [data], or the model file",
        )
    return model, digest("model", known, content, reference.digest if reference else None)


def _format(file: Path, format: str | None) -> str:
    known = format or FORMATS.get(file.suffix.lower())
    if known in _READERS:
        return str(known)
    if format is None and file.suffix.lower() in _TORCH_PICKLES:
        raise PickleRefused(
            f"{file.name} is a pickle of torch's",
            where=str(file),
            why="loading it runs whatever it names, and it holds no network to run",
            fix="save its weights with safetensors.torch.save_model and name a factory, or export it with torch.export",
        )
    formats = sorted(set(FORMATS.values()))
    raise ModelUnsupported(
        f"no reader for the format {format!r}.{did_you_mean(format, formats)}"
        if format
        else f"no reader for files that end in {file.suffix!r}.{did_you_mean(file.suffix, FORMATS)}",
        where=str(file),
        why=f"supported are {', '.join(FORMATS)}",
        fix=f"save the model in one of them, or set format to one of {', '.join(formats)}",
    )


def _read(format: str, artefact: Artefact) -> Model:
    try:
        return _READERS[format](artefact)
    except CasemateError as error:
        error.where = error.where if error.where and str(artefact.path) in error.where else _joined(artefact, error)
        raise
    except Exception as error:
        raise ModelUnreadable(
            f"{artefact.path.name} cannot be read as {format}: {type(error).__name__}: {str(error)[:300]}",
            where=str(artefact.path),
            why="it may be truncated, damaged, or of another format than its name says",
            fix="save the model again, or set format",
        ) from error


def _joined(artefact: Artefact, error: CasemateError) -> str:
    return f"{artefact.path}, {error.where}" if error.where else str(artefact.path)


def _skops(artefact: Artefact) -> Model:
    from skops import io

    from casemate.systems.models.skops_types import TRUSTED

    with zipfile.ZipFile(BytesIO(artefact.content)) as archive:
        check_archive(archive)
    held = set(io.get_untrusted_types(data=artefact.content))
    strange = sorted(held - TRUSTED)
    if strange:
        raise PickleRefused(
            f"the file holds types that are not trusted: {', '.join(strange[:8])}{', ...' if len(strange) > 8 else ''}",
            where=str(artefact.path),
            why="loading it would run their code",
            fix="save a model that is made of library classes alone; classes of your own belong in a recipe",
        )
    return _adapted(io.loads(artefact.content, trusted=sorted(held)), artefact)


def _pickle(artefact: Artefact) -> Model:
    from casemate.systems.models import scan

    if not artefact.allow_pickle:
        raise PickleRefused(
            f"{artefact.path.name} is a pickle",
            where=str(artefact.path),
            why="loading a pickle runs whatever it names",
            fix="save the model with skops.io.dump, or allow pickles in [model] if you know where it comes from",
        )
    return _adapted(scan.load(artefact.content, str(artefact.path)), artefact)


def _adapted(thing: Any, artefact: Artefact) -> Model:
    """Adapt what a file held, once its compiled parts have been looked at."""
    from casemate.systems.models.boosters import BoosterModel, checked
    from casemate.systems.models.integrity import check

    check(thing, str(artefact.path))
    model = adapt(thing, artefact.schema, frame=artefact.frame)
    return checked(model) if isinstance(model, BoosterModel) else model


def _xgboost(artefact: Artefact) -> Model:
    from casemate.systems.models import xgboost

    return xgboost.load_booster(artefact.content, artefact.schema)


def _lightgbm(artefact: Artefact) -> Model:
    from casemate.systems.models import lightgbm

    return lightgbm.load_booster(artefact.content, artefact.schema)


def _torch_export(artefact: Artefact) -> Model:
    need("torch", "read a torch.export program")
    from casemate.systems.models.program_scan import check
    from casemate.systems.models.torch import tried
    from casemate.systems.models.torch_program import ProgramModel

    check(artefact.content, str(artefact.path))
    return tried(ProgramModel(artefact.schema, artefact.content))


def _safetensors(artefact: Artefact) -> Model:
    from casemate.systems.models.rooted import RootedModel
    from casemate.systems.models.weights import build_module

    if artefact.factory is None:
        raise ModelUnsupported(
            "a .safetensors file holds weights and no network",
            where=str(artefact.path),
            fix='add factory = "module:function" to [model]; the function builds the torch module',
        )
    module = build_module(artefact.factory, artefact.content)
    model = RootedModel(artefact.factory.root, pickle.dumps(module), artefact.schema, artefact.frame)
    _ = model.inner
    return model


def _onnx(artefact: Artefact) -> Model:
    from casemate.systems.models.onnx import load_onnx

    return load_onnx(artefact.content, artefact.schema)


_READERS: dict[str, Callable[[Artefact], Model]] = {
    "skops": _skops,
    "pickle": _pickle,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "torch-export": _torch_export,
    "safetensors": _safetensors,
    "onnx": _onnx,
}
