"""Privacy: controls on tables about people, the policy that declares them, and the plan that carries it out."""

from casemate.controls.privacy import bands as bands
from casemate.controls.privacy import date_shift as date_shift
from casemate.controls.privacy import microaggregation as microaggregation
from casemate.controls.privacy import mondrian as mondrian
from casemate.controls.privacy import pseudonyms as pseudonyms
from casemate.controls.privacy import rounding as rounding
from casemate.controls.privacy import suppression as suppression
from casemate.controls.privacy import top_bottom as top_bottom
