"""Pseudonyms: keyed stand-ins for identifiers, apart for every purpose."""
