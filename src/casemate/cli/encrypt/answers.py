"""Answers: what a model said of rows, as a table with a row for each that was asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import polars

    from casemate.controls.encrypted_service.client import Answer
    from casemate.controls.encrypted_service.descriptions import Description


def table_of(answer: Answer, description: Description, *, scores: bool = False) -> polars.DataFrame:
    """Return answers as a table: class and probabilities, or numbers; scores where they are asked for."""
    import polars as pl

    columns: dict[str, object] = {}
    if description.answer == "number":
        columns |= {_of("number", place, answer.scores): values for place, values in enumerate(answer.scores.T)}
    else:
        columns["label"] = [description.classes[label] for label in answer.labels.tolist()]
        if description.answer != "margins":
            columns |= dict(zip((f"p({name})" for name in description.classes), answer.probabilities.T, strict=True))
    if scores:
        columns |= {_of("score", place, answer.scores): values for place, values in enumerate(answer.scores.T)}
    return pl.DataFrame(columns)


def _of(name: str, place: int, values: np.ndarray) -> str:
    return name if values.shape[1] == 1 else f"{name} {place + 1}"


def write(table: polars.DataFrame, output: Path | None) -> None:
    """Write answers to stdout, or to a file: whole or not at all, for their owner's eyes only.

    Raises:
        CasemateError: the file cannot be written.
    """
    from casemate.controls.encryption.whole import unwritable, written_whole

    if output is None:
        sys.stdout.write(table.write_csv())
        return
    try:
        with written_whole(output, private=True) as file:
            if output.suffix == ".parquet":
                table.write_parquet(file)
            else:
                table.write_csv(file)
    except OSError as error:
        raise unwritable(error, output) from error
