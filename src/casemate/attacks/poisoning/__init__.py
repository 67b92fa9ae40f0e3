"""Poisoning: spoil the training data so that the model serves everybody worse."""

from casemate.attacks.poisoning import label_flip as label_flip
