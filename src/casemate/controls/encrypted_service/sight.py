"""Sight: what a server sees of a row: the numbers of a ciphertext, which look like random ones."""

from __future__ import annotations

import numpy as np

from casemate.controls.encrypted_service.client_keys import ClientKeys
from casemate.controls.encrypted_service.descriptions import Description
from casemate.controls.encrypted_service.programs import ClientProgram
from casemate.controls.encrypted_service.verification import Seen
from casemate.controls.homomorphic.circuits import Scaled, Thermometer
from casemate.controls.homomorphic.seeds import Seeded

BINS = 64
SHADES = 4096
"""Numbers of the ciphertext that are kept, to be looked at: 64 by 64."""


def seen_by_server(program: ClientProgram, description: Description, keys: ClientKeys, rows: np.ndarray) -> Seen:
    """Return what a server sees of a made-up row: each feature's median.

    Args:
        program, description: what the row is encrypted for.
        keys: the client's.
        rows: (n, features), n at least 1.
    """
    from scipy import stats

    row = np.median(rows, axis=0)
    first, again = (_numbers(program, row, keys) for _ in range(2))
    prime = program.terms.query.primes[0]
    shares = first / prime
    bins = np.bincount((shares * BINS).astype(np.int64), minlength=BINS)[:BINS]
    low, high = _ends(description, row)
    return Seen(
        names=tuple(feature.name for feature in description.features)
        or tuple(str(position + 1) for position in range(len(row))),
        row=tuple(row.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        bins=tuple(bins.tolist()),
        p=float(stats.chisquare(bins).pvalue),
        sample=(shares[:SHADES] * 256).astype(np.uint8).tobytes(),
        alike=float((first == again).mean()),
    )


def _ends(description: Description, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The range of each feature that the public program tells of, (features,) each: of its rows, or of thresholds."""
    preparation = description.prepare()
    if isinstance(preparation, Scaled):
        return preparation.low, preparation.high
    assert isinstance(preparation, Thermometer)
    low, high = row.copy(), row.copy()
    np.minimum.at(low, preparation.of, preparation.thresholds)
    np.maximum.at(high, preparation.of, preparation.thresholds)
    return low, high


def _numbers(program: ClientProgram, row: np.ndarray, keys: ClientKeys) -> np.ndarray:
    """What a query holds of a row, modulo its first prime, (degree x ciphertexts,) float64."""
    (ciphertext, *_) = program.sender(keys.secret).encrypt(row[None]).ciphertexts
    half = ciphertext.c0 if isinstance(ciphertext, Seeded) else ciphertext.values[0]
    return np.asarray(half.reshape(-1, *half.shape[-2:])[:, 0].ravel().astype(np.float64))
