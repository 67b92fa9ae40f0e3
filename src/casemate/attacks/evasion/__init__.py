"""Evasion: change an input within reason until the answer is wrong."""

from casemate.attacks.evasion import pgd as pgd
