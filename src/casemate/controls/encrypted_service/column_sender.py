"""Column senders: what a client encrypts blocks of rows with. No server imports this file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.encrypted_service.senders import Sending
from casemate.controls.homomorphic.column_secrets import ColumnBatch, ColumnSecrets
from casemate.controls.homomorphic.residues import Residues

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.column_service import PublicColumns
    from casemate.controls.homomorphic.context import Context


class ColumnSender:
    """Encrypts blocks of rows; what it takes is made once, with the first block.

    Args:
        public: the program.
        context: of its chain.
    """

    def __init__(self, public: PublicColumns, context: Context) -> None:
        self._public = public
        self._context = context
        self._lock = threading.Lock()
        self._made: ColumnSecrets | None = None

    def encrypt(self, rows: np.ndarray) -> Sending:
        """Return rows (n, features) encrypted; see `Sender.encrypt`."""
        blocks = self._public.packing.pack(self._public.preparation(rows))
        batch = self._secrets().encrypt(blocks)
        return Sending(batch.queries, partial(self._opened, batch, len(rows)))

    def _opened(self, batch: ColumnBatch, rows: int, ciphertexts: Sequence[Residues]) -> np.ndarray:
        return self._public.believed(self._public.packing.unpack(batch.decrypt(ciphertexts))[:rows])

    def _secrets(self) -> ColumnSecrets:
        with self._lock:
            if self._made is None:
                self._made = ColumnSecrets(self._context, self._public.packing.columns)
            return self._made
