"""``MonitoringMiddleware``: what it makes of requests, and that it changes nothing about them."""

import asyncio
import contextlib
import gc
import logging
import re
import socket
import threading
import tracemalloc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvicorn
import uvloop
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, WebSocket
from fastapi.testclient import TestClient
from mtaio.monitoring import (
    Alert,
    ConfigurationError,
    ConfigurationTypeError,
    MonitoringMiddleware,
    Profile,
    Profiler,
    ResourceMonitor,
)
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

pytestmark = pytest.mark.once

Message = dict[str, Any]
DURATION = "http.server.request.duration"
ACTIVE = "http.server.active_requests"
LABELS = ("http.request.method", "http.route", "http.response.status_code", "url.scheme", "error.type")
START = {"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]}
BODY = {"type": "http.response.body", "body": b"all of it"}


class Watch:
    """A monitor and a profiler, and what they were told."""

    def __init__(self, **options: Any) -> None:
        self.monitor, self.profiler = ResourceMonitor(interval=0.05), Profiler()
        self.options = {"monitor": self.monitor, "profiler": self.profiler, **options}

    def __call__(self, app: Any) -> MonitoringMiddleware:
        return MonitoringMiddleware(app, **self.options)

    def counted(self) -> dict[tuple[str, ...], float]:
        """How many requests there were of each sort: method, route, status, scheme, error."""
        by = ", ".join(LABELS)
        found = self.monitor.query_by(f"{DURATION}:count by ({by})", 3600.0)
        return {tuple(labels.get(label, "") for label in LABELS): count for labels, count in found if count}

    def sorts(self) -> list[tuple[str, str, str, str]]:
        """Method, route, status and error of each sort."""
        return sorted((method, route, status, error) for method, route, status, _, error in self.counted())

    def active(self) -> float | None:
        """How many are under way."""
        return self.monitor.query(ACTIVE)

    def profile(self) -> Profile:
        """What the profiler has."""
        return asyncio.run(self.profiler.get_profile())


def scope(**changes: Any) -> Message:
    """A request's scope, as uvicorn makes it."""
    made = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/items/7",
        "raw_path": b"/items/7",
        "query_string": b"token=secret",
        "root_path": "",
        "headers": [(b"host", b"example.org")],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
    }
    return {**made, **changes}


async def call(app: Any, request: Message | None = None, received: list[Message] | None = None) -> list[Message]:
    """What the application sends."""
    waiting = list(received if received is not None else [{"type": "http.request", "body": b"", "more_body": False}])
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    await app(scope() if request is None else request, receive, send)
    return sent


async def nothing(*_: Any) -> None:
    """Takes what it is sent, and gives nothing."""


async def hello(_scope: Message, _receive: Any, send: Any) -> None:
    """A bare application."""
    await send(START)
    await send(BODY)


# --- the protocol, without a framework ---


def test_what_is_sent_is_what_the_application_sent() -> None:
    watch = Watch()
    sent = asyncio.run(call(watch(hello)))
    # The very objects, in their order.
    assert [id(message) for message in sent] == [id(START), id(BODY)]
    assert watch.counted() == {("GET", "", "200", "http", ""): 1.0}
    (trace,) = watch.profile().traces
    assert (trace.name, trace.status, trace.parent_id) == ("GET", "ok", None)
    assert trace.metadata == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/items/7",
        "http.response.status_code": 200,
    }
    assert trace.run_time is not None
    assert 0.0 < trace.run_time < trace.end_time - trace.start_time


def test_bounds_and_units_are_the_conventions() -> None:
    watch = Watch()
    watch(hello)
    # Declaring again with anything else is refused.
    bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    watch.monitor.histogram(DURATION, "s", bounds=bounds)
    watch.monitor.gauge(ACTIVE, "{request}")
    with pytest.raises(ConfigurationError):
        watch.monitor.histogram(DURATION, "ms", bounds=bounds)
    with pytest.raises(ConfigurationError):
        watch.monitor.histogram(DURATION, "s", bounds=[0.1])


def test_duration_is_until_the_last_part(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("mtaio.monitoring._asgi.perf_counter", lambda: now[0])
    watch = Watch()
    seen = []

    async def stream(_scope: Message, _receive: Any, send: Any) -> None:
        await send(START)
        for _ in range(4):
            now[0] += 0.5
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
        seen.append((watch.active(), watch.counted()))
        await send({"type": "http.response.body", "body": b""})
        seen.append((watch.active(), watch.counted()))
        now[0] += 60.0
        async with watch.profiler.trace_context("afterwards"):
            pass

    asyncio.run(call(watch(stream)))
    done = {("GET", "", "200", "http", ""): 1.0}
    assert seen == [(1.0, {}), (0.0, done)]
    assert watch.counted() == done
    assert watch.monitor.query(f"{DURATION}:max") == 2.0
    afterwards = {trace.name: trace for trace in watch.profile().traces}["afterwards"]
    assert afterwards.parent_id is None


def test_trailers_and_files_end_a_response() -> None:
    watch = Watch()
    ends = []

    async def with_trailers(_scope: Message, _receive: Any, send: Any) -> None:
        await send({**START, "trailers": True})
        await send(BODY)
        ends.append(watch.counted())
        await send({"type": "http.response.trailers", "headers": [], "more_trailers": True})
        ends.append(watch.counted())
        await send({"type": "http.response.trailers", "headers": []})
        ends.append(watch.counted())

    async def with_file(_scope: Message, _receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.pathsend", "path": "/dev/null"})
        ends.append(watch.counted())

    asyncio.run(call(watch(with_trailers)))
    asyncio.run(call(watch(with_file)))
    key = ("GET", "", "200", "http", "")
    assert ends == [{}, {}, {key: 1.0}, {key: 2.0}]


def test_websockets_and_the_lifespan_go_through() -> None:
    watch = Watch()
    given: list[Any] = []

    async def app(*arguments: Any) -> None:
        given.append(arguments)

    arguments = [({"type": kind}, nothing, nothing) for kind in ("websocket", "lifespan", "of the future")]
    for one in arguments:
        asyncio.run(watch(app)(*one))
    assert [[id(part) for part in one] for one in given] == [[id(part) for part in one] for one in arguments]
    assert watch.counted() == {}
    assert watch.profile().traces == []


@pytest.mark.parametrize("started", [False, True], ids=["before the response", "after its start"])
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_exceptions_go_through(error: BaseException, started: bool) -> None:
    watch = Watch()

    async def fails(_scope: Message, _receive: Any, send: Any) -> None:
        if started:
            await send(START)
        raise error

    # Without a loop, which has ideas of its own about SystemExit.
    coroutine = watch(fails)(scope(), nothing, nothing)
    with pytest.raises(type(error)) as raised:
        coroutine.send(None)
    assert raised.value is error
    status = "200" if started else "500" if isinstance(error, Exception) else ""
    assert watch.sorts() == [("GET", "", status, type(error).__name__)]
    assert watch.active() == 0.0
    (trace,) = watch.profile().traces
    assert trace.status == "error"
    assert trace.error == ": ".join(filter(None, (type(error).__name__, str(error))))


def test_what_fails_after_the_response_is_not_the_requests() -> None:
    watch = Watch()

    async def fails(_scope: Message, _receive: Any, send: Any) -> None:
        await hello(_scope, _receive, send)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is this one
        asyncio.run(call(watch(fails)))
    assert watch.sorts() == [("GET", "", "200", "")]
    assert [trace.status for trace in watch.profile().traces] == ["ok"]


def test_cancellation() -> None:
    watch = Watch()

    async def waits(_scope: Message, _receive: Any, _send: Any) -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        task = asyncio.create_task(call(watch(waits)))
        await asyncio.sleep(0)
        assert watch.active() == 1.0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert watch.sorts() == [("GET", "", "", "asyncio.exceptions.CancelledError")]
    assert watch.active() == 0.0
    assert [trace.status for trace in watch.profile().traces] == ["cancelled"]


@pytest.mark.parametrize("started", [False, True], ids=["before the response", "after its start"])
@pytest.mark.parametrize("how", ["returns", "raises", "cannot send"])
def test_a_client_that_has_gone(how: str, started: bool) -> None:
    watch = Watch()
    gone: list[Message] = []

    async def app(_scope: Message, receive: Any, send: Any) -> None:
        if started:
            await send(START)
        if how == "cannot send":
            gone.append({})
            await send(BODY)
        assert (await receive())["type"] == "http.disconnect"
        if how == "raises":
            raise ClientDisconnect

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        if gone:
            raise ConnectionResetError

    async def main() -> None:
        with contextlib.suppress(ClientDisconnect, ConnectionResetError):
            await watch(app)(scope(), receive, send)

    asyncio.run(main())
    assert watch.sorts() == [("GET", "", "200" if started else "", "client_disconnected")]
    assert [trace.status for trace in watch.profile().traces] == ["cancelled"]


def test_applications_that_do_not_answer() -> None:
    watch = Watch()

    async def half(_scope: Message, _receive: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "more_body": True})

    asyncio.run(call(watch(nothing)))
    asyncio.run(call(watch(half)))
    assert watch.sorts() == [("GET", "", "200", "incomplete_response"), ("GET", "", "500", "no_response")]
    assert {trace.error for trace in watch.profile().traces} == {
        "ServerError: no_response",
        "ServerError: incomplete_response",
    }


@pytest.mark.parametrize(
    "message", [None, 7, {}, {"type": 3}, {"type": "http.response.start"}, {**START, "status": "200"}], ids=repr
)
def test_nonsense_is_the_servers_to_refuse(message: Any) -> None:
    watch = Watch()
    sent = []

    async def app(_scope: Message, receive: Any, send: Any) -> None:
        sent.append(await receive())
        await send(message)

    async def receive() -> Any:
        return message

    async def send(given: Any) -> None:
        sent.append(given)

    asyncio.run(watch(app)(scope(), receive, send))
    assert sent == [message, message]
    assert sum(watch.counted().values()) == 1.0


def test_what_clients_choose_is_bounded() -> None:
    watch = Watch()

    async def main() -> None:
        app = watch(hello)
        for number in range(3000):
            await call(app, scope(method=f"M{number}", path=f"/{number}" + "x" * 10_000, scheme="ftp" * number))

    asyncio.run(main())
    assert watch.counted() == {("_OTHER", "", "200", "http", ""): 3000.0}
    profile = watch.profile()
    assert {trace.name for trace in profile.traces} == {"HTTP"}
    assert all(len(trace.metadata["url.path"]) == 256 for trace in profile.traces)
    assert profile.traces[7].metadata["http.request.method_original"] == "M7"


def test_it_holds_no_body() -> None:
    watch = Watch()
    part = b"x" * 1_000_000

    async def stream(_scope: Message, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(START)
        for _ in range(100):
            await send({"type": "http.response.body", "body": bytes(part), "more_body": True})
        await send(BODY)

    async def main() -> None:
        left = [100]

        async def receive() -> Message:
            left[0] -= 1
            return {"type": "http.request", "body": bytearray(part), "more_body": left[0] > 0}

        async def send(_message: Message) -> None:
            """Lets go of it."""

        await watch(stream)(scope(), receive, send)

    tracemalloc.start()
    try:
        asyncio.run(main())
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_nothing_of_a_request_stays() -> None:
    watch = Watch()

    async def main() -> None:
        app = watch(hello)
        for _ in range(50):
            await call(app)
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(500):
            await call(app)
        await watch.profiler.reset()
        gc.collect()
        assert len(gc.get_objects()) - before < 200

    asyncio.run(main())


def test_an_observer_that_fails_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    def route(_scope: Message) -> str:
        raise LookupError("no such thing")

    watch = Watch(route=route)
    with caplog.at_level(logging.ERROR, "mtaio.monitoring"):
        for _ in range(3):
            assert asyncio.run(call(watch(app := hello))) == [START, BODY]
        app = watch(hello)
        for _ in range(3):
            assert asyncio.run(call(app)) == [START, BODY]
    assert watch.counted() == {("GET", "", "200", "http", ""): 6.0}
    assert len(caplog.records) == 4


def test_one_inside_another() -> None:
    watch, other = Watch(), Watch()
    marks: list[Any] = []

    async def app(given: Message, receive: Any, send: Any) -> None:
        marks.append(len(given["mtaio.monitoring"]))
        await hello(given, receive, send)

    request = scope()
    whole = watch(other(watch(watch(app))))
    asyncio.run(call(whole, request))
    asyncio.run(call(whole, request))
    assert request == scope()
    assert marks == [4, 4]
    for one in (watch, other):
        assert one.counted() == {("GET", "", "200", "http", ""): 2.0}
        assert len(one.profile().traces) == 2
    # The one measures, the other traces.
    halves = Watch()
    measures = MonitoringMiddleware(app, monitor=halves.monitor)
    asyncio.run(call(MonitoringMiddleware(measures, profiler=halves.profiler)))
    assert sum(halves.counted().values()) == len(halves.profile().traces) == 1


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, ConfigurationError, "needs a monitor, a profiler or both, got neither"),
        ({"monitor": 3}, ConfigurationTypeError, "monitor must be a ResourceMonitor or None, got int 3"),
        ({"profiler": "p"}, ConfigurationTypeError, "profiler must be a Profiler or None, got str 'p'"),
        ({"monitor": ResourceMonitor(), "route": 5}, ConfigurationTypeError, "route must be a function of the scope"),
        ({"app": None, "monitor": ResourceMonitor()}, ConfigurationTypeError, "app must be an ASGI application, got"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        MonitoringMiddleware(**{"app": hello, **options})


def test_a_disabled_profiler_traces_nothing() -> None:
    watch = Watch(profiler=Profiler(enabled=False))
    assert asyncio.run(call(watch(hello))) == [START, BODY]
    assert sum(watch.counted().values()) == 1.0


def test_a_route_of_ones_own() -> None:
    watch = Watch(route=lambda scope: scope["template"])
    asyncio.run(call(watch(hello), scope(template="/own/<id>")))
    asyncio.run(call(watch(hello), scope(template=None)))
    asyncio.run(call(watch(hello), scope(template=7)))
    assert watch.sorts() == [("GET", "", "200", ""), ("GET", "/own/<id>", "200", "")]


def test_a_template_in_the_scope() -> None:
    """As Litestar leaves it."""
    watch = Watch()
    asyncio.run(call(watch(hello), scope(path_template="/items/{id:int}")))
    assert watch.sorts() == [("GET", "/items/{id:int}", "200", "")]


def test_thresholds_see_routes() -> None:
    watch = Watch(route=lambda scope: scope["template"])
    told: list[Alert] = []

    @watch.monitor.on_alert
    async def tell(alert: Alert) -> None:
        told.append(alert)

    by_route = f'{DURATION}{{error.type!=""}}:count / {DURATION}:count by (http.route)'
    watch.monitor.set_threshold(by_route, 0.5)

    async def fails(given: Message, receive: Any, send: Any) -> None:
        if given["template"] == "/bad":
            raise ValueError
        await hello(given, receive, send)

    async def main() -> None:
        for template in ("/good", "/bad", "/good"):
            with contextlib.suppress(ValueError):
                await call(watch(fails), scope(template=template))
        async with watch.monitor:
            while not told:  # noqa: ASYNC110 - the monitor looks at it
                await asyncio.sleep(0.01)

    asyncio.run(main())
    assert [alert.labels for alert in told] == [{"http.route": "/bad"}]


def test_run_time_and_the_flow() -> None:
    watch = Watch()

    async def app(given: Message, receive: Any, send: Any) -> None:
        async with watch.profiler.trace_context("query"):
            await asyncio.sleep(0.01)
        await asyncio.gather(inner(), inner())
        await hello(given, receive, send)

    @watch.profiler.trace(name="inner")
    async def inner() -> None:
        await asyncio.sleep(0)

    asyncio.run(call(watch(app)))
    traces = {trace.name: trace for trace in watch.profile().traces}
    request = traces["GET"]
    assert traces["query"].parent_id == traces["inner"].parent_id == request.trace_id
    assert request.wait_time is not None
    assert request.wait_time >= 0.009
    assert request.run_time < 0.009


def test_a_name_may_be_given_later() -> None:
    profiler = Profiler()

    async def main() -> None:
        async with profiler.trace_context("GET") as trace:
            trace.name = "GET /a"
            ((name, status),) = [(one.name, one.status) for one in (await profiler.get_profile()).open_traces]
            assert (name, status, trace.name) == ("GET /a", "open", "GET /a")
            # From another thread too.
            thread = threading.Thread(target=setattr, args=(trace, "name", "GET /b"))
            thread.start()
            thread.join()
        trace.name = "too late"
        assert trace.name == "GET /b"
        with pytest.raises(TypeError, match="the name of a trace must be a str"):
            trace.name = 7  # type: ignore[assignment]
        await profiler.reset()
        async with profiler.trace_context("before") as open_one:
            await profiler.reset()
            open_one.name = "of before the reset"

    asyncio.run(main())
    profile = asyncio.run(profiler.get_profile())
    assert profile.traces == []


# --- frameworks ---


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
    assert uvloop is not None
