"""Pseudonyms: keyed stand-ins for what identifies people."""

from casemate.controls.pseudonyms.derivation import derive_key
from casemate.controls.pseudonyms.pseudonymiser import Pseudonymiser, column_pseudonymiser, pseudonymiser
from casemate.controls.pseudonyms.rotation import frequency_warning, rekey, rekey_map, rekey_pairs, swapped

__all__ = [
    "Pseudonymiser",
    "column_pseudonymiser",
    "derive_key",
    "frequency_warning",
    "pseudonymiser",
    "rekey",
    "rekey_map",
    "rekey_pairs",
    "swapped",
]
