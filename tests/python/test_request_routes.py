"""``MonitoringMiddleware`` in FastAPI and Starlette, under uvicorn: routes, mounts, and answers that stay the same."""

import asyncio
import contextlib
import re
import socket
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvicorn
from asgi import Message, Watch
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, WebSocket
from fastapi.testclient import TestClient
from mtaio.monitoring import MonitoringMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

pytestmark = pytest.mark.once


def fastapi_app(watch: Watch) -> FastAPI:
    """An application with what applications have."""
    app = FastAPI()
    app.add_middleware(MonitoringMiddleware, **watch.options)

    @app.get("/items/{item}")
    async def item(item: int) -> int:
        async with watch.profiler.trace_context("load"):
            if item == 0:
                raise HTTPException(404)
            if item < 0:
                raise RuntimeError("no such thing")
            return item

    @app.get("/sync/{item}")
    def plain(item: int) -> int:
        with watch.profiler.trace_context("in a thread"):
            return item

    @app.post("/busy")
    async def busy(later: BackgroundTasks) -> str:
        later.add_task(after)
        return "later"

    @watch.profiler.trace(name="after")
    async def after() -> None:
        await asyncio.sleep(0.05)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(3):
                await asyncio.sleep(0.01)
                yield b"part"

        return StreamingResponse(parts())

    @app.get("/unavailable")
    async def unavailable() -> None:
        raise HTTPException(503)

    @app.websocket("/socket")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    router = APIRouter(prefix="/shop")

    @router.get("/{shop}/orders/{order}")
    async def order(shop: str, order: int) -> str:
        return f"{shop} {order}"

    app.include_router(router, prefix="/v1")
    mounted = FastAPI()

    @mounted.get("/deep/{number}")
    async def deep(number: int) -> int:
        return number

    app.mount("/mounted", mounted)
    app.mount("/of/{tenant}", mounted)
    return app


def test_fastapi() -> None:
    watch = Watch()
    with TestClient(fastapi_app(watch), raise_server_exceptions=False) as client:
        paths = ["/items/7", "/items/8", "/items/0", "/items/-1", "/items/x", "/sync/3", "/stream", "/unavailable"]
        paths += [
            "/v1/shop/a/orders/2",
            "/mounted/deep/3",
            "/of/acme/deep/3",
            "/of/3/deep/3",
            "/nowhere",
            "/mounted/no",
        ]
        codes = {path: client.get(path).status_code for path in paths}
        assert client.post("/items/7").status_code == 405
        assert client.post("/busy").json() == "later"
        with client.websocket_connect("/socket") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
    assert codes["/items/-1"] == 500
    assert watch.sorts() == [
        ("GET", "", "404", ""),
        ("GET", "/items/{item}", "200", ""),
        ("GET", "/items/{item}", "404", ""),
        ("GET", "/items/{item}", "422", ""),
        ("GET", "/items/{item}", "500", "RuntimeError"),
        ("GET", "/mounted/deep/{number}", "200", ""),
        ("GET", "/mounted/{path}", "404", ""),
        ("GET", "/of/{tenant}/deep/{number}", "200", ""),
        ("GET", "/stream", "200", ""),
        ("GET", "/sync/{item}", "200", ""),
        ("GET", "/unavailable", "503", "503"),
        ("GET", "/v1/shop/{shop}/orders/{order}", "200", ""),
        ("POST", "/busy", "200", ""),
        ("POST", "/items/{item}", "405", ""),
    ]
    assert sum(watch.counted().values()) == len(paths) + 2
    assert watch.active() == 0.0
    traces = {trace.trace_id: trace for trace in watch.profile().traces}
    parents = {
        (trace.name, traces[trace.parent_id].name if trace.parent_id in traces else None)
        for trace in traces.values()
        if trace.name in ("load", "in a thread", "after")
    }
    assert parents == {("load", "GET /items/{item}"), ("in a thread", "GET /sync/{item}"), ("after", None)}
    (stream,) = [trace for trace in traces.values() if trace.name == "GET /stream"]
    assert stream.end_time - stream.start_time >= 0.03
    (busy,) = [trace for trace in traces.values() if trace.name == "POST /busy"]
    assert busy.end_time - busy.start_time < 0.05
    (failed,) = [trace for trace in traces.values() if trace.name == "GET /unavailable"]
    assert (failed.status, failed.error) == ("error", "ServerError: 503")


class Passes(BaseHTTPMiddleware):
    """A middleware of Starlette's, which runs what is inside it in another task."""

    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Any]]) -> Any:
        return await call_next(request)


@pytest.mark.parametrize("outermost", [False, True], ids=["added", "wrapped"])
def test_starlette(outermost: bool, tmp_path: Any) -> None:
    watch = Watch()
    (tmp_path / "page").write_text("page")

    async def item(request: Request) -> PlainTextResponse:
        async with watch.profiler.trace_context("load"):
            if request.path_params["item"] == "raise":
                raise RuntimeError
            return PlainTextResponse("item" + (await request.body()).decode())

    tenants = Starlette(routes=[Route("/items/{item}", item), Route("/", item)])
    routes = [
        Route("/items/{item}", item, methods=["GET", "POST"]),
        Mount("/static", StaticFiles(directory=tmp_path)),
        Mount("/in", routes=[Mount("/{tenant}", tenants)]),
        Mount("/{number:int}", tenants),
    ]
    own = [] if outermost else [Middleware(MonitoringMiddleware, **watch.options)]
    app: Any = Starlette(routes=routes, middleware=[*own, Middleware(Passes)])
    if outermost:
        app = watch(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("/items/7", "/static/page", "/static/none", "/in/a/items/b", "/in/b/items/b", "/0012/items/12"):
            client.get(path)
        client.post("/items/7", content=b"body")
        assert client.get("/items/raise").status_code == 500
        client.get("/nowhere")
    assert watch.sorts() == [
        ("GET", "", "404", ""),
        ("GET", "/in/{tenant}/items/{item}", "200", ""),
        ("GET", "/items/{item}", "200", ""),
        ("GET", "/items/{item}", "500", "RuntimeError"),
        ("GET", "/static/{path}", "200", ""),
        ("GET", "/static/{path}", "404", ""),
        ("GET", "/{number}/items/{item}", "200", ""),
        ("POST", "/items/{item}", "200", ""),
    ]
    traces = {trace.trace_id: trace for trace in watch.profile().traces}
    loads = {traces[trace.parent_id].name for trace in traces.values() if trace.name == "load"}
    assert "GET /items/{item}" in loads
    assert "POST /items/{item}" in loads


def test_an_application_behind_a_proxy() -> None:
    watch = Watch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # FastAPI would have the server say it.
        app = FastAPI(root_path="/api")
    app.get("/items/{item}")(lambda item: item)
    with TestClient(watch(app)) as client:
        assert client.get("/items/3").status_code == 200
    assert watch.sorts() == [("GET", "/items/{item}", "200", "")]


@contextlib.contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """The application under uvicorn, in a thread; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, ws="none", **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
    assert not thread.is_alive()


def ask(address: str, text: str, reads: int | None = None) -> bytes:
    """One request over a connection of its own; the answer, or its beginning."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(text.encode())
        answer = b""
        while reads is None or len(answer) < reads:
            part = connection.recv(65536)
            if not part:
                break
            answer += part
        return answer


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_under_uvicorn(loop: str) -> None:
    watch = Watch()
    app = fastapi_app(watch)
    left = threading.Event()

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 1000
                    await asyncio.sleep(0.001)
            finally:
                left.set()

        return StreamingResponse(parts())

    async def silent(_scope: Message, _receive: Any, _send: Any) -> None:
        """Answers nothing."""

    app.mount("/silent", silent)
    plain = fastapi_app(Watch())
    plain.user_middleware.clear()
    get = "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    paths = ("/items/7", "/items/0", "/items/-1", "/stream", "/nowhere", "/unavailable", "/of/a/deep/2")

    def without_date(answer: bytes) -> bytes:
        return re.sub(rb"date: [^\r]*\r\n", b"", answer)

    with served(app, loop=loop) as address, served(plain, loop=loop) as other:
        for path in paths:
            answer = without_date(ask(address, get.format(path)))
            assert answer == without_date(ask(other, get.format(path)))
            assert answer.startswith(b"HTTP/1.1 ")
        unknown = "PROPFIND /items/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert ask(address, unknown).startswith(b"HTTP/1.1 405")
        assert ask(address, get.format("/silent/")).startswith(b"HTTP/1.1 500")
        ask(address, get.format("/endless"), reads=5000)
        assert left.wait(10)
    counted = {(key[0], key[1], key[2], key[4]): count for key, count in watch.counted().items()}
    assert counted == {
        ("GET", "/items/{item}", "200", ""): 1.0,
        ("GET", "/items/{item}", "404", ""): 1.0,
        ("GET", "/items/{item}", "500", "RuntimeError"): 1.0,
        ("GET", "/stream", "200", ""): 1.0,
        ("GET", "", "404", ""): 1.0,
        ("GET", "/unavailable", "503", "503"): 1.0,
        ("GET", "/of/{tenant}/deep/{number}", "200", ""): 1.0,
        ("_OTHER", "/items/{item}", "405", ""): 1.0,
        ("GET", "/silent/{path}", "500", "no_response"): 1.0,
        ("GET", "/endless", "200", "client_disconnected"): 1.0,
    }
    assert watch.active() == 0.0
    assert all(trace.run_time is not None for trace in watch.profile().traces if trace.name.startswith("GET /items"))
