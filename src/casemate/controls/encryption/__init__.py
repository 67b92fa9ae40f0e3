"""Encryption at rest: key stores, sealed files, and Parquet files with a key for each group of columns."""

from casemate.controls.encryption.envelope import read_header, seal_file, unseal_file
from casemate.controls.encryption.key_store import KeyInfo, KeyStore, Shredding, key_name, pseudonym_master
from casemate.controls.encryption.parquet import dataset_keys, parquet_encryption, seal_parquet, sealed_writer
from casemate.controls.encryption.parquet_reading import open_parquet, parquet_batches, parquet_schema
from casemate.controls.encryption.stores import open_store

__all__ = [
    "KeyInfo",
    "KeyStore",
    "Shredding",
    "dataset_keys",
    "key_name",
    "open_parquet",
    "open_store",
    "parquet_batches",
    "parquet_encryption",
    "parquet_schema",
    "pseudonym_master",
    "read_header",
    "seal_file",
    "seal_parquet",
    "sealed_writer",
    "unseal_file",
]
