"""Model extraction: copy a model by asking it."""

from casemate.attacks.model_extraction import substitute as substitute
