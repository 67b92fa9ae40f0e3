import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from casemate.controls.encrypted_service.app import App, tenant_in_header
from casemate.controls.encrypted_service.wire import Kind, kind_of
from controls.encrypted_service.small import House, small_program, some_rows

BUCKET = 0.05


@pytest.fixture
def app(house: House) -> Iterator[App]:
    made = App(house.server, bucket=BUCKET, patience=0.3)
    yield made
    made.close()


def within(app: Any, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
    """Run work with an HTTP client of an application."""

    async def run() -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as line:
            return await work(line)

    return asyncio.run(run())


def path(house: House, what: str = "predict") -> str:
    return f"/programs/{house.programs[0].public.digest}/{what}"


async def drip(data: bytes, parts: int = 10) -> AsyncIterator[bytes]:
    size = -(-len(data) // parts)
    for start in range(0, len(data), size):
        yield data[start : start + size]
        await asyncio.sleep(0)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_registers_and_asks_over_http(house: House, app: App, streamed: bool) -> None:
    client, rows = house.client(), some_rows(2)

    async def work(line: httpx.AsyncClient) -> np.ndarray:
        headers = {"Casemate-Tenant": "ann"}
        receipt = await line.post(path(house, "keys"), content=client.registration(), headers=headers)
        client.accept(receipt.content)
        query = client.encrypt(rows)
        reply = await line.post(path(house), content=drip(query) if streamed else query, headers=headers)
        assert reply.status_code == receipt.status_code == 200
        assert reply.headers["cache-control"] == "no-store"
        return client.decrypt(reply.content).scores

    assert np.abs(within(app, work) - house.programs[0].clear(rows)).max() < 0.01


def test_the_offer_is_for_everybody(house: House, app: App) -> None:
    async def work(line: httpx.AsyncClient) -> None:
        found = await line.get(f"/programs/{house.programs[0].public.digest}")
        assert found.status_code == 200
        assert kind_of(found.content) == Kind.OFFER
        for missing in ("00" * 32, "..%2f..%2fetc", "x"):
            assert (await line.get(f"/programs/{missing}")).status_code == 404

    within(app, work)


@pytest.mark.parametrize(
    ("method", "where", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/programs", 404),
        ("POST", "/programs/x", 405),
        ("GET", "/programs/x/keys", 405),
        ("PUT", "/programs/x/predict", 405),
        ("POST", "/programs/x/predict/more", 404),
    ],
)
def test_other_addresses_are_not_served(app: App, method: str, where: str, status: int) -> None:
    assert within(app, lambda line: line.request(method, where)).status_code == status


def test_every_refusal_looks_the_same_and_leaves_at_the_same_time(house: House, app: App) -> None:
    client = house.registered()
    used = client.encrypt(some_rows())
    house.server.answer("ann", used)
    foreign = House(small_program("foreign")).registered().encrypt(some_rows())
    flipped = bytearray(client.encrypt(some_rows()))
    flipped[500] ^= 1
    bad = {
        "replayed": ("ann", path(house), used),
        "flipped": ("ann", path(house), bytes(flipped)),
        "foreign": ("ann", path(house), foreign),
        "nobody": ("nobody", path(house), client.encrypt(some_rows())),
        "empty": ("ann", path(house), b""),
        "oversized": ("ann", path(house), bytes(1 << 20)),
        "no such program": ("ann", "/programs/abc/predict", used),
        "a query as keys": ("ann", path(house, "keys"), used),
        "no keys": ("ann", path(house, "keys"), b"x"),
    }

    async def work(line: httpx.AsyncClient) -> dict[str, tuple[Any, ...]]:
        seen = {}
        for name, (tenant, where, body) in bad.items():
            start = time.perf_counter()
            found = await line.post(where, content=body, headers={"Casemate-Tenant": tenant})
            taken = time.perf_counter() - start
            headers = tuple(sorted(found.headers.items()))
            seen[name] = (found.status_code, len(found.content), found.content[:136], headers, taken)
        return seen

    seen = within(app, work)
    assert len({shape[:4] for shape in seen.values()}) == 1
    assert all(shape[0] == 403 for shape in seen.values())
    times = sorted(shape[4] for shape in seen.values())
    assert times[0] >= BUCKET
    assert times[len(times) // 2] < 2 * BUCKET


def test_a_body_is_counted_while_it_comes_and_dropped_at_the_limit(house: House, app: App) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 10_000
            yield bytes(10_000)

    async def work(line: httpx.AsyncClient) -> None:
        found = await line.post(path(house), content=endless(), headers={"Casemate-Tenant": "ann"})
        assert found.status_code == 403

    within(app, work)
    terms = house.programs[0].public.terms
    assert taken <= terms.query_bytes(terms.runs) + 20_000
    assert app._held == 0


@pytest.mark.parametrize("announced", ["99999999999", "-1", "x", "9" * 30])
def test_a_length_that_is_announced_is_held_to_the_limit_before_anything_is_read(
    house: House, app: App, announced: str
) -> None:
    async def work() -> int:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            raise AssertionError("nothing was to be read")

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        headers = [(b"content-length", announced.encode())]
        scope = {"type": "http", "method": "POST", "path": path(house), "headers": headers}
        await app(scope, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(work()) == 403


def test_a_body_that_never_ends_is_not_waited_for(house: House, app: App, caplog: pytest.LogCaptureFixture) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    found = within(app, lambda line: line.post(path(house), content=slow(), headers={"Casemate-Tenant": "ann"}))
    assert found.status_code == 403
    assert "took too long" in caplog.text


def test_bodies_in_memory_are_bounded_together(house: House, caplog: pytest.LogCaptureFixture) -> None:
    app = App(house.server, bucket=BUCKET, waiting=1000)
    client = house.registered()
    found = within(app, lambda line: line.post(path(house), content=client.encrypt(some_rows())))
    assert found.status_code == 403
    assert "QuotaSpent" in caplog.text
    app.close()


def test_a_client_that_hangs_up_gets_no_answer(house: House, app: App) -> None:
    async def work() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        events = [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> dict[str, Any]:
            return events.pop(0)

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        await app({"type": "http", "method": "POST", "path": path(house), "headers": []}, receive, send)
        return sent

    assert asyncio.run(work()) == []
    assert app._held == 0


def test_it_can_be_mounted_below_another_path_and_told_who_asks(house: House) -> None:
    inner = App(house.server, bucket=BUCKET, tenant_of=lambda scope: "ann")

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "root_path": "/secret"}, receive, send)

    client = house.registered()
    query = client.encrypt(some_rows())
    found = within(outer, lambda line: line.post("/secret" + path(house), content=query))
    assert client.decrypt(found.content).scores.shape == (1, 1)
    inner.close()


def test_the_lifespan_ends_threads_and_workers(house: House) -> None:
    app, sent = App(house.server), []
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(RuntimeError):
        asyncio.run(app({"type": "websocket"}, receive, send))


def test_a_tenant_is_what_the_header_says_and_not_more() -> None:
    assert tenant_in_header({"headers": [(b"casemate-tenant", b"ann")]}) == "ann"
    assert tenant_in_header({"headers": []}) == ""
    assert tenant_in_header({"headers": [(b"casemate-tenant", b"x" * 129)]}) == ""
    assert tenant_in_header({"headers": [(b"casemate-tenant", b"\xff")]}) == "ÿ"
