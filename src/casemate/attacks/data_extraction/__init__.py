"""Data extraction: learn from answers what the model was trained on."""

from casemate.attacks.data_extraction import membership_rmia as membership_rmia
