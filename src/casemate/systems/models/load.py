"""Model files: found, checked, read, and adapted. Nothing is loaded before it is scanned."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casemate.core.digests import digest
from casemate.core.errors import (
    CasemateError,
    ModelError,
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

    from casemate.systems.models.skops_types import TRUSTED, check

    held = set(io.get_untrusted_types(data=artefact.content))
    strange = sorted(held - TRUSTED)
    if strange:
        raise PickleRefused(
            f"the file holds types that are not trusted: {', '.join(strange[:8])}{', ...' if len(strange) > 8 else ''}",
            where=str(artefact.path),
            why="loading it would run their code",
            fix="save a model that is made of library classes alone; classes of your own belong in a recipe",
        )
    thing = io.loads(artefact.content, trusted=sorted(held))
    check(thing, str(artefact.path))
    return adapt(thing, artefact.schema, frame=artefact.frame)


def _pickle(artefact: Artefact) -> Model:
    from casemate.systems.models import scan

    if not artefact.allow_pickle:
        raise PickleRefused(
            f"{artefact.path.name} is a pickle",
            where=str(artefact.path),
            why="loading a pickle runs whatever it names",
            fix="save the model with skops.io.dump, or allow pickles in [model] if you know where it comes from",
        )
    return adapt(scan.load(artefact.content, str(artefact.path)), artefact.schema, frame=artefact.frame)


def _xgboost(artefact: Artefact) -> Model:
    from casemate.systems.models.boosters import load_xgboost

    return load_xgboost(artefact.content, artefact.schema)


def _lightgbm(artefact: Artefact) -> Model:
    from casemate.systems.models.boosters import load_lightgbm

    return load_lightgbm(artefact.content, artefact.schema)


def _torch_export(artefact: Artefact) -> Model:
    need("torch", "read a torch.export program")
    from casemate.systems.models.program_scan import check
    from casemate.systems.models.torch import ProgramModel, tried

    check(artefact.content, str(artefact.path))
    return tried(ProgramModel(artefact.schema, artefact.content))


def _safetensors(artefact: Artefact) -> Model:
    from casemate.systems.models.rooted import RootedModel

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


def build_module(factory: Reference, weights: bytes | None) -> Any:
    """Call a factory and load safetensors weights into the torch module that it returns.

    Raises:
        ModelMissing: no such module or function.
        ModelError: the factory raised.
        ModelUnsupported: it returned no torch module.
        ModelUnreadable: the weights are damaged.
        ShapeMismatch: names or shapes of the weights differ from the module's.
        ExtraMissing: torch or safetensors is not installed.
    """
    torch = need("torch", "build a torch module")
    function = factory.load(ModelMissing)
    try:
        module = function()
    except Exception as error:
        raise ModelError(
            f"the factory {factory} raised {type(error).__name__}: {error}",
            where=str(factory),
            fix="let it build the module without arguments",
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ModelUnsupported(
            f"the factory {factory} returned a {type(module).__name__}",
            where=str(factory),
            fix="let it return a torch.nn.Module",
        )
    if weights is not None:
        _fill(module, _tensors(weights), factory)
    return module


def _tensors(weights: bytes) -> dict[str, Any]:
    try:
        return dict(need("safetensors.torch", "read weights").load(weights))
    except CasemateError:
        raise
    except Exception as error:
        raise ModelUnreadable(
            f"the .safetensors file is damaged or truncated: {error}", fix="save the weights again"
        ) from error


def _fill(module: Any, state: dict[str, Any], factory: Reference) -> None:
    """Load the weights; tensors that share memory are stored once, so a missing name may be an alias."""
    own = module.state_dict()
    stored = {own[name].data_ptr() for name in state if name in own}
    missing = [name for name in own if name not in state and own[name].data_ptr() not in stored]
    strange = [name for name in state if name not in own]
    wrong = [name for name in state if name in own and own[name].shape != state[name].shape]
    if missing or strange or wrong:
        parts = (("missing", missing), ("not in the module", strange), ("of another shape", wrong))
        raise ShapeMismatch(
            "the weights do not fit the module: "
            + "; ".join(f"{label}: {', '.join(names[:4])}" for label, names in parts if names),
            where=str(factory),
            fix="let the factory build the network whose weights were saved",
        )
    module.load_state_dict(state, strict=False)


_READERS: dict[str, Callable[[Artefact], Model]] = {
    "skops": _skops,
    "pickle": _pickle,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "torch-export": _torch_export,
    "safetensors": _safetensors,
    "onnx": _onnx,
}
