"""Transfer learning: use the public model that a system re-uses against it."""

from casemate.attacks.transfer import mimicry as mimicry
