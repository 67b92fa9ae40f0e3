"""Backdoors: teach the model a trigger that only the attacker knows."""

from casemate.attacks.backdoor import stamp as stamp
