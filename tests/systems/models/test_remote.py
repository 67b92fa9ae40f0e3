"""Remote models against a real server on this machine, which is at times down, slow, busy, or out of its mind."""

from __future__ import annotations

import json
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from casemate.core.errors import (
    EndpointDown,
    EndpointError,
    EndpointNonsense,
    EndpointRateLimited,
    EndpointSlow,
    ShapeMismatch,
)
from casemate.core.schema import Column, Schema
from casemate.systems.models.endpoint import Endpoint, Line
from casemate.systems.models.remote import RemoteModel, connect

W = np.array([[1.0, -1.0, 0.5], [0.0, 2.0, 0.1], [0.3, 0.3, -1.0], [1.0, 0.0, 0.0]])


def honest(X: np.ndarray) -> np.ndarray:
    z = np.exp(X @ W)
    return z / z.sum(axis=1, keepdims=True)


Handler = Callable[[BaseHTTPRequestHandler, bytes], None]


class Server:
    """A server whose answers a test may replace."""

    def __init__(self) -> None:
        self.metadata: Any = {
            "name": "m",
            "versions": ["3"],
            "platform": "test",
            "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 4]}],
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [-1]},
                {"name": "p", "datatype": "FP64", "shape": [-1, 3]},
            ],
        }
        self.infer: Handler | None = None
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        outer = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.seen.append((self.path, dict(self.headers), None))
                reply(self, outer.metadata)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.seen.append((self.path, dict(self.headers), json.loads(body)))
                (outer.infer or outer.answer)(self, body)

            def log_message(self, *_: Any) -> None: ...

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None: ...

        self.http = Quiet(("127.0.0.1", 0), Requests)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = json.loads(body)
        tensor = asked["inputs"][0]
        X = np.array(tensor["data"]).reshape(tensor["shape"]).reshape(tensor["shape"][0], -1)
        p = honest(X)
        both = {
            "p": {"name": "p", "datatype": "FP64", "shape": list(p.shape), "data": p.ravel().tolist()},
            "label": {"name": "label", "datatype": "INT64", "shape": [len(p)], "data": p.argmax(1).tolist()},
        }
        reply(handler, {"model_name": "m", "outputs": [both[output["name"]] for output in asked["outputs"]]})

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def reply(handler: BaseHTTPRequestHandler, content: Any, status: int = 200, **headers: str) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses are noted, not made."""
    noted: list[float] = []
    start = Line.__init__

    def patched(self: Line, endpoint: Endpoint) -> None:
        start(self, endpoint)
        self._pause = noted.append

    monkeypatch.setattr(Line, "__init__", patched)
    return noted


@pytest.fixture
def made(server: Server, three: Schema) -> Iterator[RemoteModel]:
    model, _ = connect(Endpoint(server.url, "m", retries=2, timeout=5.0), three)
    yield model
    model.line.close()


def test_it_answers_as_the_model_behind_it(made: RemoteModel, X: np.ndarray) -> None:
    np.testing.assert_allclose(made.scores(X), honest(X), rtol=1e-12)
    assert (made.kind, made.features, made.classes, made.gives_scores) == ("endpoint m", 4, 3, True)
    assert made.network() is None
    assert made.trees() is None
    assert made.scores(X[:0]).shape == (0, 3)


def test_rows_go_in_batches_in_order(server: Server, three: Schema, X: np.ndarray) -> None:
    model, _ = connect(Endpoint(server.url, "m", version="3", batch=32), three)
    np.testing.assert_allclose(model.scores(X), honest(X))
    posts = [(path, body) for path, _, body in server.seen if body]
    assert [body["inputs"][0]["shape"] for _, body in posts] == [[32, 4], [32, 4], [16, 4]]
    assert {path for path, _ in posts} == {"/v2/models/m/versions/3/infer"}
    assert posts[0][1]["outputs"] == [{"name": "p"}]
    model.line.close()


def test_names_are_quoted(server: Server, three: Schema) -> None:
    model, _ = connect(Endpoint(server.url, "a/../b c"), three)
    assert server.seen[0][0] == "/v2/models/a%2F..%2Fb%20c"
    model.line.close()


def test_labels_only(server: Server, three: Schema, X: np.ndarray) -> None:
    model, _ = connect(Endpoint(server.url, "m", labels_only=True), three)
    assert not model.gives_scores
    np.testing.assert_array_equal(model.scores(X), np.eye(3)[honest(X).argmax(1)])
    model.line.close()


def test_labels_as_names(server: Server, three: Schema, X: np.ndarray) -> None:
    server.metadata["outputs"] = [{"name": "label", "datatype": "BYTES", "shape": [-1]}]
    names = np.array(["a", "b", "c"])[honest(X[:5]).argmax(1)].tolist()
    server.infer = lambda h, _: reply(
        h, {"outputs": [{"name": "label", "datatype": "BYTES", "shape": [5], "data": names}]}
    )
    model, _ = connect(Endpoint(server.url, "m"), three)
    np.testing.assert_array_equal(model.scores(X[:5]).argmax(1), honest(X[:5]).argmax(1))
    model.line.close()


def test_one_column_is_the_second_class(server: Server, table: Schema, X: np.ndarray) -> None:
    server.metadata["outputs"] = [{"name": "p", "datatype": "FP32", "shape": [-1, 1]}]
    server.infer = lambda h, _: reply(
        h, {"outputs": [{"name": "p", "datatype": "FP32", "shape": [2, 1], "data": [[0.25], [1.0]]}]}
    )
    model, _ = connect(Endpoint(server.url, "m"), table)
    np.testing.assert_array_equal(model.scores(X[:2]), [[0.75, 0.25], [0.0, 1.0]])
    model.line.close()


def test_images_go_in_their_shape_and_whole_numbers_whole(server: Server) -> None:
    schema = Schema(tuple(Column(f"p{i}", high=255) for i in range(4)), ("a", "b", "c"), (1, 2, 2))
    server.metadata["inputs"] = [{"name": "x", "datatype": "UINT8", "shape": [-1, 1, 2, 2]}]
    model, _ = connect(Endpoint(server.url, "m"), schema)
    rows = np.array([[0.0, 1.0, 2.0, 1.0]])
    np.testing.assert_allclose(model.scores(rows), honest(rows))
    tensor = server.seen[-1][2]["inputs"][0]
    assert (tensor["shape"], tensor["data"]) == ([1, 1, 2, 2], [0, 1, 2, 1])
    model.line.close()


def test_secrets_come_from_the_environment_and_stay_out_of_the_object(
    server: Server, three: Schema, X: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = Endpoint(server.url, "m", token_env="CM_TOKEN", headers_env={"X-Tenant": "CM_TENANT"})
    with pytest.raises(EndpointError, match=r"CM_TENANT is not set|CM_TOKEN is not set"):
        connect(endpoint, three)
    monkeypatch.setenv("CM_TOKEN", "s3cret")
    monkeypatch.setenv("CM_TENANT", "t")
    model, _ = connect(endpoint, three)
    model.scores(X[:1])
    headers = {name.lower(): value for name, value in server.seen[-1][1].items()}
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer s3cret", "t")
    assert b"s3cret" not in pickle.dumps(model)
    assert "s3cret" not in repr(model)
    model.line.close()


def test_it_pickles(made: RemoteModel, X: np.ndarray) -> None:
    made.scores(X[:1])
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_allclose(again.scores(X), honest(X))
    again.line.close()


def test_the_digest_follows_the_version(server: Server, three: Schema) -> None:
    endpoint = Endpoint(server.url, "m")
    first = connect(endpoint, three)[1]
    assert connect(endpoint, three)[1] == first
    server.metadata["versions"] = ["4"]
    assert connect(endpoint, three)[1] != first


def test_nobody_there(three: Schema, pauses: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(EndpointDown, match="no connection"):
        connect(Endpoint(f"http://127.0.0.1:{port}", "m", retries=3), three)
    assert pauses == [0.25, 0.5, 1.0]
    with pytest.raises(EndpointDown):
        connect(Endpoint("http://[nonsense", "m", retries=0), three)


def test_too_slow(server: Server, three: Schema, X: np.ndarray) -> None:
    gate = threading.Event()
    server.infer = lambda h, _: gate.wait(20) and None
    model, _ = connect(Endpoint(server.url, "m", timeout=0.3), three)
    try:
        with pytest.raises(EndpointSlow, match=r"0\.3 seconds"):
            model.scores(X[:1])
    finally:
        gate.set()
        model.line.close()


def test_one_byte_at_a_time_is_too_slow_as_well(server: Server, three: Schema, X: np.ndarray) -> None:
    def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "10000")
        handler.end_headers()
        for _step in range(60):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    server.infer = drip
    model, _ = connect(Endpoint(server.url, "m", timeout=0.4), three)
    with pytest.raises(EndpointSlow):
        model.scores(X[:1])
    model.line.close()


def test_headers_one_byte_at_a_time_are_too_slow_as_well(server: Server, three: Schema, X: np.ndarray) -> None:
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nslow: ")
            while True:
                handler.wfile.write(b"a")
                handler.wfile.flush()
                time.sleep(0.05)
        except OSError:
            ended.set()

    server.infer = drip
    model, _ = connect(Endpoint(server.url, "m", timeout=0.4), three)
    with pytest.raises(EndpointSlow):
        model.scores(X[:1])
    assert ended.wait(5)
    server.infer = None
    np.testing.assert_allclose(model.scores(X[:1]), honest(X[:1]))  # the next question has a new connection
    model.line.close()


@pytest.mark.parametrize("value", ["to\nken", "t\r\nx: y", "caf\xe9", "a\tb"])
def test_a_secret_that_is_no_header_is_not_shown(
    server: Server, three: Schema, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CASEMATE_TOKEN", value)
    with pytest.raises(EndpointError, match="CASEMATE_TOKEN") as caught:
        connect(Endpoint(server.url, "m", token_env="CASEMATE_TOKEN", retries=0), three)
    shown = f"{caught.value} {caught.value.details} {caught.value.__cause__}"
    assert value not in shown
    assert repr(value)[1:-1] not in shown


def test_a_line_end_after_a_token_is_not_part_of_it(
    server: Server, three: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASEMATE_TOKEN", "secret\n")
    connect(Endpoint(server.url, "m", token_env="CASEMATE_TOKEN"), three)
    assert server.seen[0][1]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("url", ["http://user:hunter2@host/", "https://hunter2@host", "http://host/?key=hunter2"])
def test_an_address_with_a_secret_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(EndpointError, match="address holds") as caught:
        Endpoint(url, "m")
    assert "hunter2" not in str(caught.value)


def test_a_headers_name_is_checked() -> None:
    with pytest.raises(EndpointError, match="no name of a header"):
        Endpoint("http://host", "m", headers_env={"x: y\r\nz": "VARIABLE"})


@pytest.mark.parametrize("wait", ["\xb2", "Mon, 01 Jan 0001 00:00:00 -0000", "9" * 400])
def test_a_strange_retry_after_is_no_crash(server: Server, made: RemoteModel, X: np.ndarray, wait: str) -> None:
    made.line._pause = lambda _: None
    server.infer = lambda h, _: reply(h, b"", 429, Retry_After=wait)
    with pytest.raises(EndpointRateLimited):
        made.scores(X[:1])


def test_a_busy_server_is_given_the_time_that_it_asks_for(
    server: Server, three: Schema, X: np.ndarray, pauses: list[float]
) -> None:
    waits = iter(["2", formatdate(time.time() + 20, usegmt=True), "gibberish", None])

    def busy(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        wait = next(waits)
        if wait is None:
            server.answer(handler, body)
        else:
            reply(handler, b"", 429 if wait == "2" else 503, Retry_After=wait)

    server.infer = busy
    model, _ = connect(Endpoint(server.url, "m", retries=3), three)
    np.testing.assert_allclose(model.scores(X[:2]), honest(X[:2]))
    assert pauses[0] == 2.0
    assert 15 < pauses[1] <= 20
    assert pauses[2] == 1.0
    model.line.close()


def test_a_server_that_stays_busy(server: Server, made: RemoteModel, X: np.ndarray, pauses: list[float]) -> None:
    server.infer = lambda h, _: reply(h, b"", 429)
    made.line._pause = pauses.append
    with pytest.raises(EndpointRateLimited, match="429"):
        made.scores(X[:1])
    assert pauses == [0.25, 0.5]
    server.infer = lambda h, _: reply(h, b"", 429, Retry_After="3600")
    with pytest.raises(EndpointRateLimited, match="3600 seconds"):
        made.scores(X[:1])
    assert len(pauses) == 2


def test_a_failing_server_is_asked_again(server: Server, made: RemoteModel, X: np.ndarray) -> None:
    made.line._pause = lambda _: None
    server.infer = lambda h, _: reply(h, b"oops", 500)
    with pytest.raises(EndpointDown, match="HTTP 500"):
        made.scores(X[:1])
    assert sum(body is not None for _, _, body in server.seen) == 3


@pytest.mark.parametrize(
    ("status", "fix"), [(401, "token"), (403, "token"), (404, "name"), (400, "protocol"), (302, "")]
)
def test_refusals_say_what_to_do(server: Server, made: RemoteModel, X: np.ndarray, status: int, fix: str) -> None:
    server.infer = lambda h, _: reply(h, b"", status, Location="http://127.0.0.1:1/")
    with pytest.raises(EndpointNonsense, match=str(status)) as caught:
        made.scores(X[:1])
    assert fix in str(caught.value.fix).lower()


def output(data: Any, shape: Any, name: str = "p") -> dict[str, Any]:
    return {"outputs": [{"name": name, "datatype": "FP64", "shape": shape, "data": data}]}


THIRD = [1 / 3] * 6


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>welcome</html>",
        b"[1, 2]",
        b"[" * 100_000,
        b'{"outputs": ',
        {},
        {"outputs": []},
        {"outputs": {"p": 1}},
        {"outputs": 3},
        output(THIRD, [2, 3], "q"),
        output(THIRD, [3, 2]),
        output(THIRD, [2]),
        output(THIRD, [2, 2]),
        output(THIRD, None),
        output(THIRD, "23"),
        output(None, [2, 3]),
        output([], []),
        output(0.5, []),
        output([[1, 0, 0], [1, 0]], [2, 3]),
        output(["a"] * 6, [2, 3]),
        output([{"x": 1}] * 6, [2, 3]),
        output([None] * 6, [2, 3]),
        output([0.5] * 6, [2, 3]),
        output([2.0, -1.0, 0.0] * 2, [2, 3]),
        output([float("nan")] * 6, [2, 3]),
        output([float("inf")] * 6, [2, 3]),
        output([10**400] * 6, [2, 3]),
        output([True, False, False] * 2, [2, 3]),
        output(THIRD + [0.0] * 100_000, [2, 3]),
    ],
    ids=lambda content: str(content)[:60],
)
def test_nonsense_is_called_so(server: Server, made: RemoteModel, X: np.ndarray, content: Any) -> None:
    server.infer = lambda h, _: reply(h, content)
    with pytest.raises(EndpointNonsense):
        made.scores(X[:2])


def test_nonsense_labels(server: Server, three: Schema, X: np.ndarray) -> None:
    model, _ = connect(Endpoint(server.url, "m", labels_only=True), three)
    for labels in ([0, 7], [0.5, 1], ["z", "a"], [-1, 0], [[0, 1], [1, 0]]):
        server.infer = lambda h, _, labels=labels: reply(h, output(labels, list(np.shape(labels)), "label"))
        with pytest.raises(EndpointNonsense):
            model.scores(X[:2])
    model.line.close()


def test_an_endless_answer_is_cut_off(server: Server, made: RemoteModel, X: np.ndarray) -> None:
    sent = []

    def flood(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for _step in range(100_000):
            handler.wfile.write(b"10000\r\n" + b"7" * 0x10000 + b"\r\n")
            sent.append(1)

    server.infer = flood
    with pytest.raises(EndpointNonsense, match="more than"):
        made.scores(X[:2])
    assert len(sent) < 10_000


def test_a_packed_answer_does_not_swell(server: Server, made: RemoteModel, X: np.ndarray) -> None:
    import gzip

    body = gzip.compress(b" " * 50_000_000)
    server.infer = lambda h, _: reply(h, body, Content_Encoding="gzip")
    with pytest.raises(EndpointNonsense, match="compressed"):
        made.scores(X[:2])


def test_an_answer_that_is_cut_off(server: Server, made: RemoteModel, X: np.ndarray) -> None:
    def cut(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"outputs": [')
        handler.close_connection = True

    made.line._pause = lambda _: None
    server.infer = cut
    with pytest.raises(EndpointNonsense, match="middle of an answer"):
        made.scores(X[:1])


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": None},
        {"inputs": 3},
        {"inputs": [{"name": "x"}]},
        {"outputs": [{"name": "p", "datatype": "FP32", "shape": ["wide"]}]},
        {"outputs": []},
        {"outputs": [{"name": "p", "datatype": "COMPLEX", "shape": [1]}]},
    ],
    ids=str,
)
def test_metadata_that_make_no_sense(server: Server, three: Schema, change: dict[str, Any]) -> None:
    server.metadata |= change
    with pytest.raises(EndpointNonsense):
        connect(Endpoint(server.url, "m"), three)


@pytest.mark.parametrize(
    "inputs",
    [
        [{"name": "x", "datatype": "FP32", "shape": [-1, 5]}],
        [{"name": "x", "datatype": "FP32", "shape": [-1, 2, 2]}],
        [{"name": "x", "datatype": "BYTES", "shape": [-1, 4]}],
        [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}] * 2,
    ],
    ids=str,
)
def test_inputs_that_do_not_fit(server: Server, three: Schema, inputs: list[Any]) -> None:
    server.metadata["inputs"] = inputs
    with pytest.raises(ShapeMismatch):
        connect(Endpoint(server.url, "m"), three)
