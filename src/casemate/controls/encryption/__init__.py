"""Encryption at rest: key stores, sealed files, and Parquet files with a key for each group of columns."""

from casemate.controls.encryption.key_store import KeyInfo, KeyStore, Shredding, key_name
from casemate.controls.encryption.stores import open_store

__all__ = ["KeyInfo", "KeyStore", "Shredding", "key_name", "open_store"]
