"""Releasing: the table, the keys and the seal that a release works with, checked before anything is read or written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli import keystore
from casemate.core.errors import CasemateError, KeyMissing

if TYPE_CHECKING:
    from casemate.assess.release_job import Seal
    from casemate.controls.deidentification.source import Source
    from casemate.controls.encryption import KeyStore
    from casemate.controls.privacy.policy import Policy
    from casemate.controls.privacy.steps import Secrets

Columns = Sequence[str]


def store_of(policy: Policy, asked: str | None) -> KeyStore:
    """Return the key store of a policy, or the one asked for; the policy's paths start from its folder."""
    if asked is not None:
        return keystore.opened(asked)
    uri = policy.declared.encryption.keys
    kind, _, path = uri.partition(":")
    return keystore.opened(f"file:{policy.path.parent / path}" if kind == "file" else uri)


def source_of(table: Path, store: KeyStore) -> Source:
    """Open a table; the keys of a sealed one come from the store.

    Raises:
        DataError: see `casemate.controls.deidentification.source.open_source`.
        SecretError: the keys cannot be had.
    """
    from casemate.controls.deidentification.source import open_source
    from casemate.controls.encryption.parquet import MARK

    if not table.is_file() or not _starts_with(table, MARK):
        return open_source(table)
    import pyarrow.parquet.encryption as pe

    from casemate.controls.encryption.parquet_keys import factory

    return open_source(table, decryption=factory(store).file_decryption_properties(pe.KmsConnectionConfig()))


def check_output(policy: Policy, output: Path, table: Path) -> None:
    """Say at once where an output could not be written or sealed as its policy says.

    Raises:
        CasemateError: it would overwrite the table, is a folder, or is not in the format that the policy seals.
    """
    if output.is_dir():
        raise CasemateError(f"{output} is a folder", where="--output", fix="name a file in it")
    if output.exists() and table.exists() and output.samefile(table):
        raise CasemateError("the output is the table itself", where="--output", fix="name another file")
    sealed = policy.declared.encryption.at_rest
    if sealed == "parquet" and output.name.lower().endswith(".csv"):
        raise CasemateError(
            "the policy seals columns, which only a Parquet file can hold",
            where=policy.where("encryption", "at-rest"),
            fix='name the output .parquet, or at-rest = "envelope" to seal the file as a whole',
        )


def keys_of(policy: Policy, columns: Columns, *, keyed: bool) -> tuple[str, ...]:
    """Return the names of the keys that a release needs.

    Args:
        policy: what is declared.
        columns: that are published.
        keyed: whether there are pseudonyms or moved dates among them.
    """
    from casemate.controls.encryption import dataset_keys, key_name

    dataset = policy.declared.dataset
    names = [key_name(dataset)] if keyed else []
    if policy.declared.encryption.at_rest == "envelope":
        names.append(key_name(dataset))
    if policy.declared.encryption.at_rest == "parquet":
        groups, rest = dataset_keys(dataset, policy.declared.encryption.groups)
        names += [key for key, held in groups.items() if set(held) & set(columns)]
        names.append(rest)
    return tuple(dict.fromkeys(names))


def check_keys(store: KeyStore, names: Columns) -> None:
    """Say at once which keys there are not.

    Raises:
        KeyMissing: some are not in the store.
        SecretError: the store does not open.
    """
    if not names:
        return
    try:
        known = {info.name for info in store.list()}
    except KeyMissing:  # there is no store yet
        known = set()
    missing = [name for name in names if name not in known]
    if missing:
        told = f"there is no key {missing[0]!r}" if len(missing) == 1 else f"there are no keys {', '.join(missing)}"
        where = "" if store.uri == keystore.DEFAULT else f" --store {store.uri}"
        raise KeyMissing(
            told,
            where=store.uri,
            why="what a key should cover would be open",
            fix=" && ".join(f"casemate keys create {name}{where}" for name in missing),
        )


def secrets_of(policy: Policy, purpose: str, store: KeyStore) -> Secrets:
    """Return what keyed steps need.

    Raises:
        SecretError: the data set's key cannot be had.
    """
    from casemate.controls.encryption import pseudonym_master
    from casemate.controls.privacy.steps import Secrets

    dataset = policy.declared.dataset
    epoch = policy.declared.purposes[purpose].key_epoch
    return Secrets(pseudonym_master(store, dataset), dataset, purpose, epoch)


def seal_of(policy: Policy, columns: Columns, store: KeyStore) -> Seal:
    """Return how an output with these columns is sealed."""
    from casemate.assess.release_job import Seal
    from casemate.controls.encryption import dataset_keys, key_name, parquet_encryption, seal_file

    dataset, how = policy.declared.dataset, policy.declared.encryption
    if how.at_rest == "envelope":
        return Seal(whole=lambda plain, sealed: seal_file(plain, sealed, store, key_name(dataset)))
    if how.at_rest == "parquet":
        held = {group: [c for c in names if c in columns] for group, names in how.groups.items()}
        groups, rest = dataset_keys(dataset, {group: names for group, names in held.items() if names})
        return Seal(columns=lambda schema: parquet_encryption(schema, groups, store, rest=rest))
    return Seal()


def _starts_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark
