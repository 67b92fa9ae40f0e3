"""torch's modules as the functions that they call, and a module that stands for a function: a polynomial.

This file imports torch at its top, because it defines a module.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from casemate.controls.homomorphic.activations import Replacement


class PolynomialActivation(nn.Module):
    """A polynomial in the place of a function; the same for every number but for what channels are scaled with.

    Args:
        made: what it computes. Channels are the second axis of what comes in.
    """

    def __init__(self, made: Replacement) -> None:
        super().__init__()
        for name, values in (
            ("coefficients", made.polynomial.coefficients),
            ("scale", made.before.scale),
            ("shift", made.before.offset),
            ("factor", made.after.scale),
            ("offset", made.after.offset),
        ):
            self.register_buffer(name, torch.tensor(np.asarray(values), dtype=torch.get_default_dtype()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the polynomial of x (n, channels, ...)."""
        scale, shift, factor, offset = (
            self.get_buffer(name).reshape(1, -1, *[1] * (x.dim() - 2))
            for name in ("scale", "shift", "factor", "offset")
        )
        inside, out = scale * x + shift, torch.zeros_like(x)
        for coefficient in self.get_buffer("coefficients").flip(0):
            out = out * inside + coefficient
        return factor * out + offset


def call_of(module: nn.Module) -> tuple[str, tuple[Any, ...]] | None:
    """Return the name of the function that a module calls, and what it gives it after the value; None if unknown."""
    m: Any = module
    match type(module).__name__:
        case "Linear":
            return "linear", (m.weight, m.bias)
        case "Conv2d" if m.padding_mode == "zeros":
            return "conv2d", (m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups)
        case "BatchNorm1d" | "BatchNorm2d":
            return "batch_norm", (m.weight, m.bias, m.running_mean, m.running_var, False, 0.0, m.eps)
        case "AvgPool2d":
            return "avg_pool2d", (
                *(m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad, m.divisor_override),
            )
        case "AdaptiveAvgPool2d":
            return "adaptive_avg_pool2d", (m.output_size,)
        case "Flatten" | "Unflatten":
            return "flatten", ()
        case "Dropout" | "Dropout1d" | "Dropout2d" | "AlphaDropout" | "Identity":
            return "identity", ()
        case "ReLU" | "Sigmoid" | "Tanh" | "SiLU" as name:
            return name.lower(), ()
        case "GELU":
            return "gelu", (m.approximate,)
        case "Softmax":
            return "softmax", (m.dim,)
        case "LogSoftmax":
            return "log_softmax", (m.dim,)
        case "PolynomialActivation":
            return "polynomial", (m,)
    return None
