"""The process in which a user's recipe runs. Started by `workers`.

`main`, with the arguments ``<module:function> <root>``, reads questions (pickled ``(data, seed)``) from its standard
input and writes answers to its standard output, each behind its length. Whatever the recipe prints goes to the
standard error. The process ends when its input does, even in the middle of a training.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

from casemate.core.errors import CasemateError, RecipeMissing, RecipeRaised, RecipeWrongReturn
from casemate.systems.references import Reference

LENGTH = struct.Struct(">Q")


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Return the next frame's content, or None where the stream ended."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def write_frame(stream: IO[bytes], body: bytes) -> None:
    """Write one frame.

    Raises:
        OSError: nobody reads any more.
    """
    stream.write(LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def answer(reference: Reference, question: bytes) -> tuple[str, Any]:
    """Train once; return ``("model", pickled object, its type)`` as a pair, or ``("error", CasemateError)``."""
    try:
        made = _train(reference, *pickle.loads(question))  # noqa: S301  # from the process that started this one
        return "model", (_pickled(made, reference), f"{type(made).__module__}.{type(made).__qualname__}")
    except CasemateError as error:
        return "error", error
    except BaseException as error:
        return "error", RecipeRaised(
            f"the recipe {reference} raised {type(error).__name__}{f': {error}' if str(error) else ''}",
            where=_place(error, reference),
            why="without a model there is nothing to assess",
            fix="run the function by itself on the training data; the traceback is in the details",
            details="".join(traceback.format_exception(error)),
        )


def _train(reference: Reference, data: Any, seed: int) -> Any:
    function = reference.load(RecipeMissing)
    _seed(seed)
    return function(data, seed)


def _seed(seed: int) -> None:
    """Fix the generators that a recipe may forget to seed, and one thread for torch."""
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
        torch.set_num_threads(1)


def _pickled(made: Any, reference: Reference) -> bytes:
    try:
        return pickle.dumps(made, protocol=5)
    except Exception as error:
        raise RecipeWrongReturn(
            f"the recipe {reference} returned a {type(made).__name__} that cannot be pickled: {error}",
            where=str(reference),
            why="the recipe runs in a process of its own, and its model travels back pickled",
            fix="define the model's class and functions at the top level of the module: no lambda, no local class",
        ) from error


def _place(error: BaseException, reference: Reference) -> str:
    """The innermost line of the user's own files."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(reference.root)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else str(reference)


def _listen(stream: IO[bytes], questions: queue.Queue[bytes]) -> None:
    """Pass questions on; end the process, and what it started, when whoever asks is gone."""
    while (question := read_frame(stream)) is not None:
        questions.put(question)
    os.killpg(0, signal.SIGKILL) if hasattr(os, "killpg") and os.getpgrp() == os.getpid() else os._exit(0)


def _take_over(descriptor: int, instead: int) -> int:
    """Keep a standard stream for the protocol and give the recipe another in its place."""
    kept = os.dup(descriptor)
    os.dup2(instead, descriptor)
    return kept


def main() -> None:
    """Answer questions until the input ends."""
    text, root = sys.argv[1:3]
    nothing = os.open(os.devnull, os.O_RDONLY)
    source = os.fdopen(_take_over(0, nothing), "rb")
    sink = os.fdopen(_take_over(1, 2), "wb")
    faulthandler.enable()
    reference = Reference.parse(text, Path(root), RecipeMissing)
    questions: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(source, questions), daemon=True).start()
    while True:
        reply = answer(reference, questions.get())
        sys.stdout.flush()
        write_frame(sink, pickle.dumps(reply, protocol=5))
