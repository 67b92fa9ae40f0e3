"""The public model whose frozen features a system re-uses: built, filled, and cut at a layer.

This file imports torch at its top; it is imported only where a system names a teacher.
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from casemate.core.digests import digest
from casemate.core.errors import ModelMissing, ModelUnsupported, ShapeMismatch, UnknownName, did_you_mean
from casemate.core.model import Teacher
from casemate.core.schema import Schema
from casemate.systems.models.rooted import revive
from casemate.systems.models.weights import build_module
from casemate.systems.references import Reference


class Features(torch.nn.Module):
    """A module that is run up to one of its layers.

    Args:
        teacher: takes samples (n, *shape) float32 in the columns' own units.
        layer: the name of the submodule whose output is wanted; ``""`` for the module's own output.
        shape: the shape of one sample.
        root: the folder in which the teacher's classes are found, for other processes.
    """

    def __init__(self, teacher: torch.nn.Module, layer: str, shape: tuple[int, ...], root: Path) -> None:
        super().__init__()
        self.teacher, self.layer, self.shape, self.root = teacher, layer, shape, root

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's activations (n, m) for rows (n, d).

        Raises:
            ModelUnsupported: the layer is not run, or gives no tensor.
        """
        caught: list[Any] = []

        def stop(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            caught.append(output)
            raise _Reached

        handle = self.teacher.get_submodule(self.layer).register_forward_hook(stop)
        try:
            self.teacher(x.reshape(len(x), *self.shape))
        except _Reached:
            pass
        finally:
            handle.remove()
        if not caught or not isinstance(caught[0], torch.Tensor):
            raise ModelUnsupported(
                f"the teacher's layer {self.layer!r} " + ("gives no tensor" if caught else "is never run"),
                where=f"torch {type(self.teacher).__name__}",
                fix="name a layer that the forward pass runs and that gives one tensor",
            )
        return caught[0].reshape(len(x), -1)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.root, pickle.dumps(self.teacher), self.layer, self.shape)

    def __deepcopy__(self, memo: dict[int, Any]) -> Features:
        return Features(copy.deepcopy(self.teacher, memo), self.layer, self.shape, self.root)


class _Reached(Exception):
    """Ends a forward pass at the layer; no error."""


def _again(root: Path, blob: bytes, layer: str, shape: tuple[int, ...]) -> Features:
    return Features(revive(root, blob), layer, shape, root)


def load_teacher(factory: str, weights: str | Path | None, layer: str, schema: Schema, root: Path) -> Teacher:
    """Build a teacher and cut it at a layer.

    Args:
        factory: ``module:function`` below ``root``; builds the torch module, without arguments.
        weights: a .safetensors file, relative to ``root``; the factory's own weights where None.
        layer: the deepest frozen layer, as ``named_modules`` calls it.
        schema: the system's columns; its shape is the shape of one sample.
        root: the folder of the system file.

    Raises:
        ModelMissing: no such factory or file.
        ModelUnsupported: the factory returns no module, weights in another format, or the layer is never run.
        ModelUnreadable: the weights are damaged.
        ShapeMismatch: the weights do not fit the module, or samples do not fit the teacher.
        UnknownName: it has no such layer.
    """
    root = Path(root).resolve()
    reference = Reference.parse(factory, root, ModelMissing)
    content = None if weights is None else _weights(root / weights)
    module = build_module(reference, content).eval().requires_grad_(False)
    names = [name for name, _ in module.named_modules()]
    if layer not in names:
        raise UnknownName(
            f"the teacher has no layer {layer!r}.{did_you_mean(layer, names)}",
            where="[model.teacher] layer",
            fix=f"its layers are: {', '.join(filter(None, names))}",
        )
    features = Features(module, layer, schema.shape, root).eval()
    _try(features, schema)
    state = {name: value.cpu().numpy() for name, value in module.state_dict().items()}
    return Teacher(features, layer, digest("teacher", reference.digest, layer, state))


def _weights(file: Path) -> bytes:
    if not file.is_file():
        siblings = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
        raise ModelMissing(
            f"there is no file of weights {file.name!r}.{did_you_mean(file.name, siblings)}",
            where=str(file),
            fix="correct weights in [model.teacher]",
        )
    if file.suffix != ".safetensors":
        raise ModelUnsupported(
            f"the teacher's weights end in {file.suffix!r}",
            where=str(file),
            why="other formats of weights are pickles, which run what they name",
            fix="save them with safetensors.torch.save_model",
        )
    return file.read_bytes()


def _try(features: Features, schema: Schema) -> None:
    x = torch.from_numpy(np.asarray(schema.low[None], dtype=np.float32))
    try:
        with torch.no_grad():
            features(x)
    except ModelUnsupported:
        raise
    except Exception as error:
        raise ShapeMismatch(
            f"the teacher does not take a batch of shape (1, {', '.join(map(str, schema.shape))}): {error}",
            where=f"torch {type(features.teacher).__name__}",
            fix="let it take samples of the data's shape in the columns' own units",
        ) from error
