"""Re-identification: read from a released table about people what it was not meant to tell."""

from casemate.attacks.reidentification import attribute_inference as attribute_inference
from casemate.attacks.reidentification import downcoding as downcoding
from casemate.attacks.reidentification import frequency as frequency
from casemate.attacks.reidentification import linkage as linkage
from casemate.attacks.reidentification import refinement as refinement
from casemate.attacks.reidentification import singling_out as singling_out
