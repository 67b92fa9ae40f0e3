"""Label-only responses: answer with the winning class and nothing else."""

from __future__ import annotations

from casemate.core.control import Control, control
from casemate.core.request import Prediction, Request


@control(
    "hardening.label-only",
    mitigates=("model-extraction", "model-inversion", "membership-inference"),
    limit="label-only membership inference (Choquette-Choo et al., ICML 2021), and copies trained on the labels alone "
    "(Tramer et al., USENIX Security 2016, section 6)",
)
class LabelOnly(Control):
    """Withhold confidence scores.

    Attacks that solve for parameters, climb a confidence or compare confidences have nothing left to work with.
    Accuracy does not change; clients lose the scores.

    Source: Tramer, Zhang, Juels, Reiter & Ristenpart, USENIX Security 2016, section 6 ("extraction given class labels
    only"); Shokri, Stronati, Song & Shmatikov, IEEE S&P 2017, section VIII-A.
    """

    def on_response(self, request: Request, prediction: Prediction) -> Prediction:
        """Return the labels without scores."""
        return prediction.labels_only()
