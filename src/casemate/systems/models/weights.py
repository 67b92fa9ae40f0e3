"""Weights in safetensors files, and the user's factory that builds the network for them."""

from __future__ import annotations

from typing import Any

from casemate.core.errors import (
    CasemateError,
    ModelError,
    ModelMissing,
    ModelUnreadable,
    ModelUnsupported,
    ShapeMismatch,
)
from casemate.systems.models.extras import need
from casemate.systems.references import Reference


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
