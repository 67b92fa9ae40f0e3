"""Merging: neighbouring linear steps become one, for each of them costs a level of the chain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.controls.homomorphic.circuits import Convolution, Linear, Step
from casemate.controls.homomorphic.drafts import Affine, Channelwise, DraftStep, Nonlinearity

Dense = Linear | Convolution


def merged(steps: Sequence[DraftStep], inputs: int) -> list[DraftStep]:
    """Return steps that compute the same, in which linear ones and others take turns; the first and last are linear.

    A convolution stays one where only channels are scaled, or another without padding follows; where a matrix meets
    it, both become a matrix. Channels that are scaled before the first convolution stay a step of their own, for the
    client can do that (see `casemate.controls.homomorphic.preparing`).

    Args:
        steps: of a draft.
        inputs: how many numbers come in.
    """
    out: list[DraftStep] = []
    width = inputs
    for step in steps:
        if not isinstance(step, Affine):
            if not out or not isinstance(out[-1], Affine):  # a polynomial without a linear step before it
                out.append(identity(width))
            out.append(step)
            continue
        width = step.outputs
        last = out[-1] if out else None
        if not isinstance(last, Affine) or (len(out) == 1 and _awaits(last, step)):
            out.append(step)
        else:
            out[-1] = joined(last, step)
    if not out or not isinstance(out[-1], Affine):
        out.append(identity(width))
    if len(out) > 1 and isinstance(out[0], Affine) and isinstance(out[1], Linear):
        out[:2] = [joined(out[0], out[1])]
    lead = out[:1] if len(out) > 1 and isinstance(out[1], Affine) else []
    return lead + [dense(step) if isinstance(step, Affine) else step for step in out[len(lead) :]]


def circuit_steps(steps: Sequence[DraftStep], inputs: int) -> tuple[Step, ...]:
    """Return steps without functions, merged, as those of a circuit."""
    out: list[Step] = []
    for step in merged(steps, inputs):
        assert not isinstance(step, Nonlinearity), "functions are replaced before"
        out.append(dense(step) if isinstance(step, Channelwise) else step)
    return tuple(out)


def identity(width: int) -> Channelwise:
    """Return the step that changes nothing."""
    return Channelwise(np.ones(width), np.zeros(width))


def dense(step: Affine) -> Dense:
    """Return a step of a circuit for one of a draft: channels alone become a diagonal matrix, or kernels of size 1."""
    if not isinstance(step, Channelwise):
        return step
    weights = np.diag(step.scale)
    if step.repeat == 1:
        return Linear(weights, step.offset)
    return Convolution(weights[:, :, None, None], step.offset, (len(step.scale), 1, step.repeat))


def joined(first: Affine, second: Affine) -> Affine:
    """Return one step for two that follow each other."""
    if isinstance(first, Channelwise):
        return _scaled_before(first, second)
    if isinstance(second, Channelwise):
        return _scaled_after(first, second)
    if isinstance(first, Convolution) and isinstance(second, Convolution) and second.padding == (0, 0):
        return _convolved_twice(first, second)
    return _product(_matrix(first), _matrix(second))


def takes_offsets(step: object) -> bool:
    """Return whether a constant that is added to what comes in can become part of the step's own constant."""
    return not (isinstance(step, Convolution) and step.padding != (0, 0))


def _awaits(first: Affine, second: Affine) -> bool:
    """Whether scaled channels must not be multiplied into what follows: padding is 0 after they are shifted."""
    return isinstance(first, Channelwise) and isinstance(second, Convolution) and bool((first.scale != 0).all())


def _matrix(step: Dense) -> Linear:
    return step.linear if isinstance(step, Convolution) else step


def _product(first: Linear, second: Linear) -> Linear:
    return Linear(second.weights @ first.weights, second.weights @ first.bias + second.bias)


def _scaled_before(first: Channelwise, second: Affine) -> Affine:
    if isinstance(second, Channelwise):
        return _channels(second.scales * first.scales, second.scales * first.offsets + second.offsets, first, second)
    if isinstance(second, Convolution):
        channels = second.image[0]
        kept = first.repeat * len(first.scale) == second.inputs and first.repeat % (second.inputs // channels) == 0
        if kept and (takes_offsets(second) or not first.offset.any()):
            scale, offset = (
                np.repeat(x, first.repeat * channels // second.inputs) for x in (first.scale, first.offset)
            )
            kernels = second.kernels * scale[None, :, None, None]
            bias = second.bias + second.kernels.sum(axis=(2, 3)) @ offset
            return Convolution(kernels, bias, second.image, second.stride, second.padding)
    matrix = _matrix(second)
    return Linear(matrix.weights * first.scales, matrix.bias + matrix.weights @ first.offsets)


def _scaled_after(first: Dense, second: Channelwise) -> Dense:
    if isinstance(first, Convolution):
        windows = first.outputs // len(first.kernels)
        if second.repeat % windows == 0:
            scale, offset = (np.repeat(x, second.repeat // windows) for x in (second.scale, second.offset))
            kernels = first.kernels * scale[:, None, None, None]
            return Convolution(kernels, first.bias * scale + offset, first.image, first.stride, first.padding)
    matrix = _matrix(first)
    return Linear(matrix.weights * second.scales[:, None], matrix.bias * second.scales + second.offsets)


def _channels(scales: np.ndarray, offsets: np.ndarray, first: Channelwise, second: Channelwise) -> Channelwise:
    """Channels of the greatest length of which both have whole ones."""
    repeat = int(np.gcd(first.repeat, second.repeat))
    return Channelwise(scales[::repeat], offsets[::repeat], repeat)


def _convolved_twice(first: Convolution, second: Convolution) -> Convolution:
    """The convolution by both kernels: windows of windows, so that strides multiply and kernels grow by strides."""
    (down, across), (rows, columns) = first.stride, second.stride
    out, _, high, wide = second.kernels.shape
    _, channels, tall, broad = first.kernels.shape
    kernels = np.zeros((out, channels, tall + (high - 1) * down, broad + (wide - 1) * across))
    for i, j in np.ndindex(high, wide):
        part = np.einsum("om,mcyx->ocyx", second.kernels[:, :, i, j], first.kernels)
        kernels[:, :, i * down : i * down + tall, j * across : j * across + broad] += part
    bias = second.bias + second.kernels.sum(axis=(2, 3)) @ first.bias
    stride = (down * rows, across * columns)
    return Convolution(kernels, bias, first.image, stride, first.padding)
