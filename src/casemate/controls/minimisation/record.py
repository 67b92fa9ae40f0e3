"""The record of a minimisation: what is left of each column and what that costs, as JSON that other commands read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from casemate.controls.minimisation.search import Minimised
from casemate.core.errors import DataMissing, DataUnreadable

FORMAT = "casemate.minimal/1"


class LeftOf(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """What is left of one column.

    Args:
        name: the column.
        bands: what it is told in, in words; empty where it is told whole.
    """

    name: str
    bands: tuple[str, ...] = ()


class Minimal(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """A minimisation.

    Args:
        system: name and digest of the system that it was found for.
        kept: columns that stay, in order.
        dropped: columns that go, in the order in which they went.
        accuracy_before, accuracy_after: on held-out rows, in [0, 1].
        loss, loss_low, loss_high: accuracy lost, with its paired interval.
        level: confidence level of the interval.
        held_out: rows that the price was measured on.
        unique_before, unique_after: share of the training rows that are unique in what others may know.
    """

    system: str
    system_digest: str
    kept: tuple[LeftOf, ...]
    dropped: tuple[str, ...]
    accuracy_before: float
    accuracy_after: float
    loss: float
    loss_low: float
    loss_high: float
    level: float
    held_out: int
    unique_before: float
    unique_after: float
    format: str = FORMAT


def record_of(found: Minimised, system: str, system_digest: str) -> Minimal:
    """Return a minimisation as its record."""
    columns = {column.name: column for column in found.detail.schema.columns}
    kept = tuple(
        LeftOf(name, found.detail.bands[name].told(columns[name]) if name in found.detail.bands else ())
        for name in found.detail.kept
    )
    return Minimal(
        system=system,
        system_digest=system_digest,
        kept=kept,
        dropped=tuple(found.detail.dropped),
        accuracy_before=found.before,
        accuracy_after=found.after,
        loss=found.loss.value,
        loss_low=found.loss.low,
        loss_high=found.loss.high,
        level=found.loss.level,
        held_out=found.held_out,
        unique_before=found.unique_before,
        unique_after=found.unique_after,
    )


def read_minimal(path: Path) -> Minimal:
    """Read the record that ``casemate minimise --output`` wrote.

    Raises:
        DataMissing: there is no such file.
        DataUnreadable: it is no such record.
    """
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Minimal)
    except FileNotFoundError:
        raise DataMissing(
            f"there is no file {path.name}", where=str(path), fix="write it: casemate minimise --output FILE"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataUnreadable(
            f"{path.name} is no record of a minimisation: {error}",
            where=str(path),
            fix="write it again: casemate minimise --output FILE",
        ) from None
    if record.format != FORMAT:
        raise DataUnreadable(
            f"{path.name} is of the form {record.format!r}, and this version reads {FORMAT!r}",
            where=str(path),
            fix="write it again with this version",
        )
    return record
