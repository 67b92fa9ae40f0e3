"""Rounded scores: answer with coarse confidences."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from casemate.core.control import Control, control
from casemate.core.request import Prediction, Request


@control(
    "hardening.round-scores",
    mitigates=("model-extraction", "model-inversion"),
    limit="extraction with more queries, whose rounding errors average out (Tramer et al., USENIX Security 2016, "
    "section 7), and attacks that need labels only (Choquette-Choo et al., ICML 2021)",
)
class RoundScores(Control):
    """Round confidence scores to ``decimals`` places, 0 to 15.

    Solving for parameters needs exact scores, and climbing a confidence needs steps that show. The label stays that
    of the exact scores, and never contradicts the rounded ones; rounded scores need not sum to one.

    Source: Tramer, Zhang, Juels, Reiter & Ristenpart, USENIX Security 2016, section 7 ("rounding confidences");
    Fredrikson, Jha & Ristenpart, ACM CCS 2015, section 6.
    """

    decimals: Annotated[int, Meta(ge=0, le=15, description="Decimal places that clients are given.")] = 2

    def on_response(self, request: Request, prediction: Prediction) -> Prediction:
        """Return the answer with rounded scores."""
        return prediction.rounded(self.decimals)
