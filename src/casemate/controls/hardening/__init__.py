"""Hardening: controls on training data, models and answers."""

from casemate.controls.hardening import label_only as label_only
from casemate.controls.hardening import round_scores as round_scores
from casemate.controls.hardening import trusted_filter as trusted_filter
