"""As published: a table that somebody else's program, or an earlier run, has made ready to be given away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from casemate.core.control import Control, ReleaseFitting
from casemate.core.digests import digest
from casemate.core.release import Release

THREATS = ("re-identification", "singling-out", "attribute-inference", "downcoding", "pseudonym-frequency")
"""The threats to a released table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AsPublished(Control):
    """Give away a finished table in place of the raw one.

    It is no control that a system file could name: it stands for whatever was done to the table, so that an assessment
    can set what is published against the raw table.

    Args:
        release: the finished table.
    """

    id: ClassVar[str] = "release.as-published"
    mitigates: ClassVar[tuple[str, ...]] = THREATS
    limit: ClassVar[str] = "whatever the attacks on the published table find"
    module: ClassVar[str] = __name__
    hooks: ClassVar[tuple[str, ...]] = ("on_release",)

    release: Release = field(kw_only=True, repr=False, metadata={"learned": True})

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the finished table."""
        return self.release

    def digest(self) -> str:
        """Content digest of the finished table."""
        return digest(self.id, self.release.digest)
