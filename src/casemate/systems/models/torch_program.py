"""torch.export programs, which take batches of the sizes that they were exported for.

This file imports torch at its top, as `casemate.systems.models.torch` does.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cached_property

import torch

from casemate.core.errors import ShapeMismatch
from casemate.systems.models.torch import BATCH, NetworkModel, Rows


@dataclass(frozen=True, eq=False)
class ProgramModel(NetworkModel):
    """A torch.export program, loaded anew in every process.

    Args:
        saved: the content of its .pt2 file, which `program_scan.check` has passed.
    """

    saved: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """What it is."""
        return "torch.export program"

    @cached_property
    def rows(self) -> Rows:
        """The program behind `Rows`."""
        program = torch.export.load(io.BytesIO(self.saved))
        return Rows(Exported(program), self.schema.shape, self.classes).eval()


class Exported(torch.nn.Module):
    """An exported program that takes batches of any size, whatever sizes it was exported for.

    Args:
        program: takes one tensor.
    """

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        super().__init__()
        self.inner = program.module()
        self.requires_grad_(False)
        self.least, self.most = _batch_sizes(program)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the program's output for samples (n, ...), in parts of sizes that it takes."""
        return torch.cat([self._padded(part) for part in torch.split(x, self.most)])

    def train(self, mode: bool = True) -> Exported:
        """Note the mode: a program keeps the one that it was exported in."""
        self.training = mode
        return self

    def _padded(self, part: torch.Tensor) -> torch.Tensor:
        lacking = self.least - len(part)
        if lacking <= 0:
            return self.inner(part)  # type: ignore[no-any-return]
        return self.inner(torch.cat([part, part[-1:].expand(lacking, *part.shape[1:])]))[: len(part)]  # type: ignore[no-any-return]


def _batch_sizes(program: torch.export.ExportedProgram) -> tuple[int, int]:
    """The smallest and the largest batch that an exported program takes."""
    inputs = program.graph_signature.user_inputs
    if len(inputs) != 1:
        raise ShapeMismatch(
            f"the program takes {len(inputs)} inputs",
            where="torch.export program",
            fix="export a module that takes one tensor of samples",
        )
    node = next(node for node in program.graph.nodes if node.name == inputs[0])
    size = node.meta["val"].shape[0]
    if isinstance(size, int):
        return size, size
    known = program.range_constraints.get(size.node.expr)
    if known is None:
        return 1, BATCH
    return max(1, int(known.lower)), int(min(known.upper, BATCH))
