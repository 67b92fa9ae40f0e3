"""Homomorphic encryption: clients encrypt rows, the server computes on ciphertexts, only clients read the answers."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import Meta

from casemate.core.control import Control, Fitting, control, learned
from casemate.core.digests import digest
from casemate.core.errors import ControlFailed, ModelUnsupported
from casemate.core.model import Model
from casemate.core.request import Request
from casemate.core.schema import Schema
from casemate.core.wire import Share, Wire

if TYPE_CHECKING:  # SEAL is an extra, and a system without this control needs none
    from casemate.controls.encrypted_service.encrypted_model import EncryptedModel

ID = "encryption.homomorphic"
ROOM = 0.25
CHECKED = 4
_KEPT = 4
_compiled: OrderedDict[str, EncryptedModel] = OrderedDict()


@control(
    ID,
    mitigates=("request-disclosure", "message-tampering"),
    limit="what answers give away to clients: a copy of the model (Tramer et al., USENIX Security 2016), or members of "
    "the training data; results that clients share, from which the server works out their key (Li & Micciancio, "
    "EUROCRYPT 2021); and a server that computes another model on purpose",
)
class Homomorphic(Control):
    """Compile the model to a program on ciphertexts (CKKS), and let clients and server speak through sealed messages.

    One linear layer is computed on coefficients, without evaluation keys; networks and trees on slots, functions of
    networks replaced by polynomials. Parameters have 128 bits of security and are the cheapest that keep every score
    within ``tolerance`` (by default one hundredth of the scores' standard deviation). Ranges, intervals and parameters
    come from ``rows`` training rows, or from the trusted set; a row that lies a quarter outside of its columns' ranges
    is refused, as the client refuses to encrypt it.

    ``share`` says what clients tell others of what they decrypted: ``"never"``, ``"labels"`` or ``"scores"``. Scores
    that are told as they were decrypted give the secret key away to a server that keeps the ciphertexts. ``flood`` is
    the standard deviation of the noise that clients then add to what they tell, as a multiple of the tolerance.

    Controls that look at rows or scores (an input envelope, withheld scores) would have to run on the client, where
    nothing makes it obey: the server sees neither. Answers in an assessment are the circuit's own, in the clear,
    without the noise of encryption; that encrypted answers agree is checked on rows when the system is built, and
    measured on test rows for its price, with latency and bytes.

    Source: Cheon, Kim, Kim & Song, ASIACRYPT 2017 (CKKS); Gilad-Bachrach et al., ICML 2016 (networks on ciphertexts);
    Li, Micciancio, Schultz & Sorrell, CRYPTO 2022 (noise before sharing).
    """

    tolerance: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Accepted error of a score. Default: 1/100 of the scores' standard deviation."),
    ] = None
    rows: Annotated[int, Meta(ge=20, le=100_000, description="Training rows to calibrate on, at most.")] = 300
    share: Annotated[Share, Meta(description="What clients tell others of what they decrypted.")] = "never"
    flood: Annotated[
        float, Meta(ge=0, le=1e6, description="Noise that clients add to scores they tell, in tolerances.")
    ] = 0.0
    program: Any = learned()

    def on_model(self, model: Model, fitting: Fitting) -> EncryptedModel:
        """Return the model as a program, checked on encrypted rows.

        Raises:
            ModelUnsupported: a model that cannot be computed on ciphertexts, or not within the tolerance.
            ControlFailed: encrypted answers are off.
            ExtraMissing: SEAL is not installed.
        """
        data = fitting.trusted or fitting.data
        X = data.X[np.sort(fitting.rng.permutation(len(data))[: self.rows])]
        key = _key(self, model, X, fitting.data.schema)
        if key is None or key not in _compiled:
            made = _compile(self, model, X, fitting.data.schema)
            made.check(X[:CHECKED])
            if key is None:
                return made
            _compiled[key] = made
            while len(_compiled) > _KEPT:
                _compiled.popitem(last=False)
        _compiled.move_to_end(key)
        return _compiled[key]

    def calibrate(self, model: Model, fitting: Fitting) -> Homomorphic:
        """Return the control with the program.

        Raises:
            ControlFailed: a later control replaced the program.
        """
        from casemate.controls.encrypted_service.encrypted_model import EncryptedModel

        if not isinstance(model, EncryptedModel):
            raise ControlFailed(
                f"another control put {model.kind} in place of the encrypted model",
                where=ID,
                why="rows would be answered in the clear",
                fix=f"let {ID} be the last control that changes the model",
            )
        return replace(self, program=model)

    def on_request(self, request: Request) -> Request:
        """Refuse rows that a client would not encrypt."""
        return request.refuse(~self.model.takes(request.X), ID, "outside the range that the program was calibrated on")

    def on_wire(self, wire: Wire) -> Wire:
        """Return the encrypted service in place of rows in the clear."""
        return self.model.wire

    @property
    def model(self) -> EncryptedModel:
        """The model as a program.

        Raises:
            ControlFailed: the control was never calibrated.
        """
        if self.program is None:
            raise ControlFailed(f"{ID} was not calibrated", fix="build the system before asking it")
        made: EncryptedModel = self.program
        return made


def _compile(wanted: Homomorphic, model: Model, X: np.ndarray, schema: Schema) -> EncryptedModel:
    from casemate.controls.encrypted_service.compile_model import Asked, compile_model
    from casemate.controls.encrypted_service.encrypted_model import EncryptedModel, sizes
    from casemate.controls.encrypted_service.in_process import InProcess

    low, high = np.minimum(X.min(axis=0), schema.low), np.maximum(X.max(axis=0), schema.high)
    room = np.where([column.kind in ("boolean", "category") for column in schema.columns], 0.0, ROOM * (high - low))
    asked = Asked("assessed", wanted.tolerance)
    made = compile_model(model, X, asked, classes=schema.classes, ranges=(low - room, high + room))
    public: Any = made.program.public
    if made.circuit.answer == "number" or len(made.circuit.classes) != model.classes:
        raise ModelUnsupported(
            f"{model.kind} answers with {made.circuit.answer}, not with one of {model.classes} classes",
            where=ID,
            fix="give a model that tells all classes apart",
        )
    tolerance = float(public.description.tolerance)
    wire = InProcess(made.program, wanted.share, wanted.flood * tolerance)
    return EncryptedModel(model, made.circuit, wire, tolerance, sizes(made.circuit, X))


def _key(wanted: Homomorphic, model: Model, X: np.ndarray, schema: Schema) -> str | None:
    """What a program depends on: arms and attacks of one process share it. None where the model has no content."""
    try:
        return digest(wanted.digest(), pickle.dumps(model, protocol=5), X, schema.digest)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
