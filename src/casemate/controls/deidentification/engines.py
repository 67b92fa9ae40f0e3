"""Engines: in memory, on disk, or on Ray; one plan, the same outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from casemate.controls.deidentification.source import Source
from casemate.controls.deidentification.work import Done, Watch, Work, Write

EngineName = Literal["memory", "disk", "ray"]


def carry_out(
    engine: EngineName, source: Source, work: Work, write: Write, watch: Watch, *, scratch: Path, memory: str = "4GB"
) -> Done:
    """Carry out work on a table.

    Args:
        engine: ``memory`` holds the whole table; ``disk`` what it must, the rest on disk; ``ray`` spreads it over the
            processes or machines of a Ray cluster.
        source, work: the table, and what is to be done.
        write: given the published rows.
        watch: told what is being done.
        scratch: a folder for temporary files.
        memory: what may be held while rows are sorted out of core.

    Raises:
        CasemateError: of the kind that fits; nothing is published then.
    """
    if engine == "memory":
        from casemate.controls.deidentification.memory import in_memory

        return in_memory(source, work, write, watch)
    if engine == "disk":
        from casemate.controls.deidentification.out_of_core import out_of_core

        return out_of_core(source, work, write, watch, scratch=scratch, memory=memory)
    from casemate.controls.deidentification.on_ray import on_ray

    return on_ray(source, work, write, watch, scratch=scratch, memory=memory)
