"""Evasion: change an input within reason until the answer is wrong."""

from casemate.attacks.evasion import hop_skip_jump as hop_skip_jump
from casemate.attacks.evasion import pgd as pgd
