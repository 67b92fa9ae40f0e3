"""Sorting: batches of rows in the order of a random key, whatever their size, on disk where memory does not suffice.

The keys are spread evenly over 64 bits, so rows go by their key's leading bits into bins that are sorted one after the
other. Bins that do not fit into memory lie on disk, sealed: rows hold what the file to be written may only hold sealed.
DuckDB could sort, too, but seals what it writes to disk with an extension that it loads over the network.
"""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.deidentification.sink import GROUP_ROWS
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    import polars

BINS = 256
_LEAST = 256 << 20
_UNITS = {"": 1, "K": 10, "M": 20, "G": 30, "T": 40}
_COPIES = 4
"""How often rows may be held at once while they are sorted and written: as they came, joined, in order, and encoded."""


def sorted_batches(
    batches: Iterator[polars.DataFrame], key: str, scratch: Path, memory: str
) -> Iterator[polars.DataFrame]:
    """Yield all rows in ascending order of a column, which is left out, in batches of one size.

    What does not fit into the memory is written to the folder ``scratch``, encrypted under a key that is nowhere kept.

    Args:
        batches: the rows; all with the same columns.
        key: a column of unsigned whole numbers of 64 bits, spread evenly.
        scratch: a folder with room for the rows.
        memory: what rows may take while they are sorted, such as ``4GB``; at least 256 MB.

    Raises:
        CasemateError: the disk is full.
    """
    import polars as pl

    room, size = memory_bytes(memory) // _COPIES, 0
    held: list[polars.DataFrame] = []
    bins = _Bins(scratch / "bins", key)
    try:
        for batch in batches:
            held.append(batch)
            size += int(batch.estimated_size())
            if size > room:
                joined = pl.concat(held)
                held.clear()  # before they are sorted, which takes as much again
                bins.add(joined)
                size = 0
                del joined
        if not bins.used:
            yield from _in_groups(iter([pl.concat(held).sort(key)] if held else []), key)
            return
        if held:
            bins.add(pl.concat(held))
            held = []
        yield from _in_groups(bins.sorted(), key)
    except OSError as error:
        raise CasemateError(
            f"the rows cannot be put in order: {error.strerror or error}",
            where=str(scratch.parent),
            why="nothing was written: a file that was there before is as it was",
            fix="make room on the disk, or choose another folder for the output",
        ) from error
    finally:
        bins.close()


def memory_bytes(text: str) -> int:
    """Return how many bytes ``512MB`` or ``4GB`` are.

    Raises:
        CasemateError: no such amount, or less than 256 MB.
    """
    told = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    amount = int(float(told[1]) * (1 << _UNITS[told[2].upper()] if told[2] else 1)) if told else 0
    if amount < _LEAST:
        raise CasemateError(
            f"{text!r} is no amount of memory of 256 MB or more", where="--memory", fix="for example --memory 4GB"
        )
    return amount


class _Bins:
    """Rows on disk by the leading bits of their key, in sealed blocks."""

    def __init__(self, folder: Path, key: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.used = False
        self._folder, self._key = folder, key
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._sizes: list[list[int]] = [[] for _ in range(BINS)]

    def add(self, rows: polars.DataFrame) -> None:
        """Put rows into their bins."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.used = True
        rows = rows.sort(self._key)
        edges = np.arange(1, BINS, dtype=np.uint64) << np.uint64(56)
        ends: list[int] = [0, *np.searchsorted(rows[self._key].to_numpy(), edges).tolist(), rows.height]
        for bin, (start, stop) in enumerate(pairwise(ends)):
            if stop > start:
                self._write(bin, rows.slice(start, stop - start))

    def sorted(self) -> Iterator[polars.DataFrame]:
        """Yield the rows of one bin after the other, each in order; a bin is deleted once it is read."""
        import polars as pl

        for bin, sizes in enumerate(self._sizes):
            if sizes:
                path = self._path(bin)
                with path.open("rb") as file:
                    blocks = [self._opened(file.read(size)) for size in sizes]
                path.unlink()
                yield pl.concat(blocks).sort(self._key)

    def close(self) -> None:
        """Delete what is left."""
        for bin in range(BINS):
            self._path(bin).unlink(missing_ok=True)
        if self._folder.is_dir():
            self._folder.rmdir()

    def _write(self, bin: int, rows: polars.DataFrame) -> None:
        encoded = io.BytesIO()
        rows.write_ipc(encoded, compression="lz4")
        nonce = secrets.token_bytes(12)  # the key seals no more blocks than random nonces allow by far
        block = nonce + self._cipher.encrypt(nonce, encoded.getbuffer(), None)
        with self._path(bin).open("ab") as file:
            file.write(block)
        self._sizes[bin].append(len(block))

    def _opened(self, block: bytes) -> polars.DataFrame:
        import polars as pl

        return pl.read_ipc(self._cipher.decrypt(block[:12], block[12:], None))

    def _path(self, bin: int) -> Path:
        return self._folder / f"{bin:03d}"


def _in_groups(frames: Iterator[polars.DataFrame], key: str) -> Iterator[polars.DataFrame]:
    """Yield the same rows without their key, in batches of one size; only the last may be smaller."""
    import polars as pl

    left: polars.DataFrame | None = None
    for frame in frames:
        rows = frame.drop(key) if left is None else pl.concat([left, frame.drop(key)])
        whole = rows.height // GROUP_ROWS * GROUP_ROWS
        for start in range(0, whole, GROUP_ROWS):
            yield rows.slice(start, GROUP_ROWS)
        left = rows.slice(whole)
    if left is not None and left.height:
        yield left
