"""Sealed Parquet files in an erasure: opened and written again with the keys that the privacy policy names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.errors import CasemateError, UnknownName

if TYPE_CHECKING:
    import numpy as np
    import polars

    from casemate.controls.encryption import KeyStore


class SealedParquet:
    """Parquet files whose groups of columns are encrypted.

    Args:
        store: where the keys are.
        dataset: name of the data set, as the policy calls it.
        groups: columns by group, as the policy declares them.
    """

    def __init__(self, store: KeyStore, dataset: str, groups: dict[str, tuple[str, ...]]) -> None:
        self.store = store
        self.dataset = dataset
        self.groups = groups

    def takes(self, path: Path) -> bool:
        """Whether the file is encrypted Parquet."""
        from casemate.controls.encryption.parquet import MARK

        with path.open("rb") as file:
            return file.read(len(MARK)) == MARK

    def columns(self, path: Path) -> tuple[str, ...]:
        """Return the names of its columns."""
        from casemate.controls.encryption.parquet_reading import parquet_schema

        return tuple(parquet_schema(path, self.store).names)

    def ids(self, path: Path, column: str) -> polars.Series:
        """Return the values of a column."""
        from casemate.controls.encryption.parquet_reading import open_parquet

        return open_parquet(path, self.store, [column])[column]

    def copy(self, source: Path, target: Path, gone: np.ndarray) -> tuple[int, list[bytes]]:
        """Write a copy without some rows, under new data keys and the same key of each group."""
        import numpy as np

        from casemate.controls.encryption.parquet import dataset_keys, sealed_writer
        from casemate.controls.encryption.parquet_reading import parquet_batches, parquet_schema

        schema = parquet_schema(source, self.store)
        groups, rest = dataset_keys(self.dataset, self._present(schema.names))
        first = 0
        with sealed_writer(target, schema, groups, self.store, rest=rest) as writer:
            for batch in parquet_batches(source, self.store):
                kept = np.ones(batch.num_rows, bool)
                kept[gone[(gone >= first) & (gone < first + batch.num_rows)] - first] = False
                first += batch.num_rows
                writer.write(batch.filter(kept))
        return first, []

    def _present(self, names: Sequence[str]) -> dict[str, Sequence[str]]:
        """The groups, without the columns that this file does not have."""
        found = {group: [name for name in columns if name in names] for group, columns in self.groups.items()}
        return {group: columns for group, columns in found.items() if columns}


def sealed_format(policy: Path | None, keys: KeyStore | None) -> list[SealedParquet]:
    """Return the format of a policy's sealed files; none where no policy is given.

    Raises:
        CasemateError: a policy without a key store.
    """
    if policy is None:
        return []
    if keys is None:
        raise CasemateError("files that are sealed need their keys", where=f"--policy {policy}", fix="give --keys")
    from casemate.controls.privacy.policy import read_policy

    declared = read_policy(policy).declared
    if declared.encryption.at_rest != "parquet":
        raise UnknownName(
            "this policy seals no Parquet files", where=str(policy), fix='see encryption.at-rest = "parquet"'
        )
    return [SealedParquet(keys, declared.dataset, dict(declared.encryption.groups))]
