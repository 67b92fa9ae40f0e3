"""Access: who may ask, and how much."""

from casemate.controls.access import query_budget as query_budget
