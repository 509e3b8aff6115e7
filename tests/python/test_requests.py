"""``MonitoringMiddleware``: what it makes of requests, and that it changes nothing about them.

Long because a request can end in a dozen ways, each of which is a test.
"""

import asyncio
import contextlib
import gc
import logging
import re
import threading
import tracemalloc
from typing import Any

import pytest
from asgi import ACTIVE, BODY, DURATION, START, Message, Watch, call, hello, nothing, scope
from mtaio.monitoring import (
    Alert,
    ConfigurationError,
    ConfigurationTypeError,
    MonitoringMiddleware,
    Profiler,
    ResourceMonitor,
)
from starlette.requests import ClientDisconnect

pytestmark = pytest.mark.once


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
    monkeypatch.setattr("mtaio.monitoring._loop.seconds", lambda: now[0])
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
