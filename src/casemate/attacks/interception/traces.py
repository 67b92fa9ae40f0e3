"""Traces: what can be told from a message without knowing how it was written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

VALUES = 4
"""Numbers of each row that are looked for in a message."""

_PLACES = 512
_TENS = (3, 6)


def needles(first: np.ndarray, second: np.ndarray) -> tuple[list[bytes], list[bytes]]:
    """Return what would show that a message is about the first row (d,), or about the second one.

    Numbers as they may be written, in binary or as text, of the columns in which the rows differ most.
    """
    columns = np.argsort(-np.abs(first - second), kind="stable")[:VALUES]
    columns = columns[first[columns] != second[columns]]
    return _written(first[columns]), _written(second[columns])


def traces(messages: Sequence[bytes], first: Sequence[bytes], second: Sequence[bytes]) -> np.ndarray:
    """Return features of messages, (n, m) float32.

    How many of either row's needles are in it; its length; how often each byte occurs; and the bytes at some places,
    the same in all messages, where repeated or structured encryption shows.
    """
    made = np.empty((len(messages), 3 + 256 + _PLACES), np.float32)
    for features, message in zip(made, messages, strict=True):
        features[0], features[1] = (sum(needle in message for needle in row) for row in (first, second))
        features[2] = len(message)
        if message:
            data = np.frombuffer(message, np.uint8)
            features[3:259] = np.bincount(data, minlength=256) / np.sqrt(len(data))
            features[259:] = data[np.linspace(0, len(data) - 1, _PLACES).astype(np.int64)]
        else:
            features[3:] = 0
    return made


def _written(values: np.ndarray) -> list[bytes]:
    forms = []
    for value in values.tolist():
        forms += [np.array(value, kind).tobytes() for kind in ("<f8", ">f8", "<f4", ">f4")]
        forms += [f"{value:.{digits}g}".encode() for digits in _TENS if value % 1]
    return forms
